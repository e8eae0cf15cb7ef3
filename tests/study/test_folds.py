"""Searches with folds: a trial trains one network per fold, and decisions follow from held-out rows."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mtl_nas as mn
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.design import Proposal, Training
from mtl_nas.record import Finalist, NetworkName, Scored, layout
from mtl_nas.scoring import held_out_scores, mean_score, mean_scores
from mtl_nas.study import Resources, Run, resume, search
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job
from mtl_nas.study.selection import FinalistFiles, read_predictions


def table() -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(240)
    click = (size + random.standard_normal(240) > 0).astype(int)
    price = (size + random.standard_normal(240)).round(4)
    return pd.DataFrame({"size": size, "color": random.choice(["a", "b"], 240), "click": click, "price": price})


DATA = load_dataset(table(), ["click", "price"], split={"folds": 3})
DESIGN = mn.preset("shared_bottom", DATA.schema, hidden=(4,), embedding=2)
TRAINING = Training(epochs=4, batch_size=32, learning_rate=0.01)


def job(**fields: object) -> Job:
    proposal = Proposal(design=DESIGN, training=TRAINING)
    return Job.model_validate(
        {"number": 0, "kind": "trial", "rung": 0, "share": 0.5, "seed": 1, "proposal": proposal, **fields}
    )


def test_the_score_of_a_trial_is_the_mean_over_folds() -> None:
    folded, *alone = (
        work([job(share=1.0)], data, get=lambda name: None, put=lambda name, file: None)[0]
        for data in (DATA, *DATA.folds)
    )
    assert folded.scores == mean_scores([result.scores for result in alone])
    assert folded.score == pytest.approx(np.mean([result.score for result in alone]))
    assert folded.rows == sum(result.rows for result in alone)


@pytest.mark.parametrize("lost", [[], [1], [0, 1, 2]])
def test_a_trial_goes_on_from_the_states_of_its_folds(lost: list[int]) -> None:
    files: dict[str, bytes] = {}
    (whole,) = work([job(share=1.0)], DATA, get=files.get, put=files.__setitem__)
    work([job(keep_state=True)], DATA, get=files.get, put=files.__setitem__)
    assert set(files) == {layout.state_file(0, 0, fold) for fold in range(3)}
    for fold in lost:
        del files[layout.state_file(0, 0, fold)]
    (result,) = work([job(rung=1, share=1.0, from_rung=0)], DATA, get=files.get, put=files.__setitem__)
    assert (result.score, result.scores) == (whole.score, whole.scores)


def test_a_trial_is_not_stacked_with_others() -> None:
    jobs = [job(), job(number=1, seed=2)]
    together = work(jobs, DATA, get=lambda name: None, put=lambda name, file: None)
    assert [result.failure for result in together] == [None, None]
    assert together[0].scores != together[1].scores


def test_a_finalist_keeps_one_network_per_fold_and_predictions_of_held_out_rows() -> None:
    files: dict[str, bytes] = {}
    (result,) = work([job(kind="finalist", share=1.0)], DATA, get=files.get, put=files.__setitem__)
    name = NetworkName(0, 1)
    predictions = layout.choosing_predictions_file(name)
    assert set(files) == {*(layout.weights_file(name, fold) for fold in range(3)), predictions}
    expected = mn.evaluate(DESIGN, DATA, TRAINING.model_copy(update={"seed": 1}), split="choosing")
    assert result.scores == expected.scores


# With Ray


def data_of(folder: Path) -> Dataset:
    path = folder / "rows.csv"
    table().to_csv(path, index=False)
    return load_dataset(path, ["click", "price"], split={"folds": 3})


def small_search(folder: Path, data: Dataset) -> Run:
    return search(
        "shared_bottom",
        data,
        trials=4,
        presets=["shared_bottom"],
        rungs=(1 / 3, 1.0),
        compare="full",
        finalists=2,
        seeds=2,
        sampler="random",
        ensemble=True,
        seed=0,
        folder=folder / "run",
        resources=Resources(cpus=1),
    )


@pytest.mark.ray
def test_a_search_with_folds_ends_in_the_mean_of_its_networks_and_goes_on_after_a_cut(tmp_path: Path) -> None:
    data = data_of(tmp_path)
    run = small_search(tmp_path, data)
    best, model, files = run.best(), mn.load_model(run.single_folder), FinalistFiles(run.folder, data)
    assert [member.name for member in model.members] == ["fold 1", "fold 2", "fold 3"]

    tested = read_predictions(run.folder, layout.test_predictions_file(NetworkName(best.number, run.state.best.seed)))  # type: ignore[union-attr]
    predicted = model.predict(data.frame("test"))
    assert np.abs(predicted["click"].to_numpy() - tested["click"]).max() < 1e-6
    for trial in run.finalists():
        for seed, result in trial.finalist.items():
            choosing = files.choosing_predictions(NetworkName(trial.number, seed), trial)
            score = mean_score(held_out_scores(choosing, data, "choosing"), data.schema)
            assert result.score == pytest.approx(score, abs=1e-6)
            influences = files.choosing_score(choosing)
            assert influences is not None
            assert influences.score == pytest.approx(score, abs=1e-6)
            assert np.isfinite(influences.block_influence).all()
    beside = run.folder.best if run.takes_ensemble else run.folder.ensemble
    assert not beside.exists() or len(mn.load_model(beside).members) % 3 == 0
    comparison = mn.compare([run, "omoe"], data)
    assert {"omoe", "single_task", best.name} <= {row.name for row in comparison.rows}

    record = run.folder.record.path
    lines = record.read_bytes().splitlines(keepends=True)
    scored = next(number for number, line in enumerate(lines) if b'"finalist"' in line and b'"score"' in line)
    record.write_bytes(b"".join(lines[: scored + 1]))
    for written in (run.folder.best, run.folder.ensemble, run.folder.single):
        shutil.rmtree(written, ignore_errors=True)
    again = resume(tmp_path / "run", resources=Resources(cpus=1))
    assert results(again) == results(run)
    assert again.best().number == best.number


def results(run: Run) -> list[tuple[object, ...]]:
    found = [event for event in run.folder.record if isinstance(event, Scored | Finalist)]
    return [(event.event, event.number, event.score, event.rows) for event in found]
