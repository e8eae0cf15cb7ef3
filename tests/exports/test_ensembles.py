"""Ensembles of finalists: which are taken, what the folder predicts, what a search with ``ensemble=True`` leaves."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from study_fixtures import SPACE, dataset, events, frame

import mtl_nas as mn
from mtl_nas.cli import main
from mtl_nas.errors import ExportError
from mtl_nas.exports import Member, load_model
from mtl_nas.record import Ensembled, NetworkName
from mtl_nas.scoring import score_tasks
from mtl_nas.study.selection.ensemble import greedy

DATA = dataset()
SIZES = {"hidden": (4,), "embedding": 2}
SHARES = {"trial 2, seed 7": 0.75, "mmoe, seed 7": 0.25}


def ended() -> object:
    """The exit code of the command line."""
    try:
        main()
    except SystemExit as end:
        return end.code
    return 0


def typed(*words: object) -> None:
    """Type a command that succeeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mtl-search", *map(str, words)])
        assert not ended()


# Which networks are taken


def y(*values):
    return {"y": np.array(values, dtype=np.float64)}


def near_zero(mean):
    return -float(np.abs(mean["y"]).max())


def test_networks_whose_errors_cancel_are_taken_as_often_as_that_helps():
    networks = {NetworkName(0, 5): y(2.0, 2.0), NetworkName(1, 5): y(-2.0, -2.0), NetworkName(2, 5): y(1.0, 1.0)}
    taken, score = greedy(networks, near_zero)
    assert taken == [NetworkName(2, 5), NetworkName(1, 5), NetworkName(2, 5)]  # 1 - 2 + 1
    assert score == 0


def test_a_network_that_nothing_improves_stands_alone():
    assert greedy({NetworkName(0, 0): y(0.0), NetworkName(1, 0): y(1.0), NetworkName(2, 0): y(3.0)}, near_zero) == (
        [NetworkName(0, 0)],
        0.0,
    )


def test_ties_go_to_the_lower_trial_and_then_to_the_lower_seed():
    alike = {
        network: y(1.0) for network in (NetworkName(4, 0), NetworkName(3, 9), NetworkName(3, 2), NetworkName(5, 1))
    }
    assert greedy(alike, near_zero) == ([NetworkName(3, 2)], -1.0)


@pytest.mark.parametrize("seed", range(10))
def test_an_ensemble_never_scores_below_its_best_network_and_its_score_is_that_of_its_mean(seed):
    dice = np.random.default_rng(seed)
    networks = {NetworkName(number, 0): y(*dice.normal(size=6)) for number in range(8)}
    taken, score = greedy(networks, near_zero, rounds=12)
    assert 1 <= len(taken) <= 12
    assert score >= max(map(near_zero, networks.values()))
    assert score == pytest.approx(near_zero(y(*np.mean([networks[network]["y"] for network in taken], axis=0))))


# The folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An ensemble of two untrained networks of different sizes."""
    to = tmp_path_factory.mktemp("ensemble") / "ensemble"
    designs = [mn.preset("shared_bottom", DATA.schema, **SIZES), mn.preset("mmoe", DATA.schema, experts=2, **SIZES)]
    networks = [mn.build(mn.compose(design, DATA.schema), seed=index) for index, design in enumerate(designs)]
    members = [Member(name, share, network) for (name, share), network in zip(SHARES.items(), networks, strict=True)]
    return mn.Model(members, DATA.schema).save(to)


def test_a_loaded_ensemble_predicts_the_mean_of_its_members_by_their_shares(folder):
    loaded = mn.load_model(folder)
    rows = frame(50).drop(columns=["klick", "größe"])
    parts = [load_model(folder / name).predict(rows) for name in ("model0", "model1")]
    assert not np.allclose(*parts)
    pd.testing.assert_frame_equal(loaded.predict(rows), 0.75 * parts[0] + 0.25 * parts[1])
    assert loaded.schema == DATA.schema
    assert {member.name: member.share for member in loaded.members} == SHARES


def test_the_readme_names_the_members_and_their_shares(folder):
    text = (folder / "README.md").read_text()
    assert "- `model0`: trial 2, seed 7, share 0.75" in text
    assert "- `model1`: mmoe, seed 7, share 0.25" in text
    assert "mn.load_model" in text
    assert "trial 2, seed 7: 75% of an ensemble." in (folder / "model0" / "README.md").read_text()


def test_predict_reads_an_ensemble_as_it_reads_a_model(folder, tmp_path, capsys):
    frame(20).to_csv(tmp_path / "rows.csv", index=False)
    typed("predict", folder, tmp_path / "rows.csv", "--to", tmp_path / "scores.parquet", "--keep", "tag")
    assert "20 rows, columns tag, klick, größe" in capsys.readouterr().out
    written = pd.read_parquet(tmp_path / "scores.parquet")
    pd.testing.assert_frame_equal(written.drop(columns="tag"), mn.load_model(folder).predict(frame(20)))


def test_a_member_is_a_model_and_a_folder_without_a_model_is_refused(folder, tmp_path):
    assert len(load_model(folder / "model0").members) == 1
    with pytest.raises(ExportError, match=f"^'{tmp_path}' is no model folder: it has no architecture.json$"):
        load_model(tmp_path)
    with pytest.raises(ExportError, match=f"^no model folder '{tmp_path / 'nowhere'}'$"):
        load_model(tmp_path / "nowhere")


def test_what_only_one_network_can_do_says_so_of_an_ensemble(folder, tmp_path):
    ensemble = load_model(folder)
    message = (
        "an ensemble of 2 networks has no single network; take one: mn.Model(model.members[0].network, model.schema)"
    )
    for refused in (
        lambda: ensemble.architecture,
        lambda: ensemble.adapt(frame(50).assign(neu=[0, 1] * 25), "neu"),
    ):
        with pytest.raises(ExportError) as problem:
            refused()
        assert str(problem.value) == message
    assert ensemble.tasks == ("klick", "größe")
    assert repr(ensemble).startswith("Model(predicts klick, größe; mean of 2 networks, ")


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ("[]", "expected a name and a share per folder of a model"),
        ("{}", "expected a name and a share per folder of a model"),
        ('{"model0": 1}', "model0: "),
        ('{"model0": {"share": "much", "is": "mmoe"}}', "model0: share: input should be a valid number"),
    ],
)
def test_shares_that_are_no_shares_are_refused(folder, tmp_path, shares, message):
    shutil.copytree(folder, tmp_path / "broken")
    (tmp_path / "broken" / "ensemble.json").write_text(shares)
    with pytest.raises(ExportError, match=f"ensemble.json: {message}"):
        load_model(tmp_path / "broken")


def test_an_ensemble_is_one_onnx_file_that_predicts_its_mean(folder, tmp_path):
    """The file is compared with the mean of the torch models when it is written."""
    pytest.importorskip("onnxruntime")
    load_model(folder).export(tmp_path / "onnx", format="onnx")
    assert (tmp_path / "onnx" / "model.onnx").exists()
    described = json.loads((tmp_path / "onnx" / "inputs.json").read_text())
    assert list(described["outputs"]) == ["klick", "größe"]


def test_show_says_that_an_ensemble_has_several_graphs(folder, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["mtl-search", "show", str(folder)])
        assert ended() == 2
    assert "an ensemble of 2 networks has no single network" in capsys.readouterr().err


def test_an_ensemble_is_saved_and_exported_as_it_was(folder, tmp_path):
    load_model(folder).save(tmp_path / "saved")
    mn.export(folder, tmp_path / "exported")
    for path in folder.rglob("*.json"):
        for copy in ("saved", "exported"):
            assert path.read_bytes() == (tmp_path / copy / path.relative_to(folder)).read_bytes()
    rows = frame(20)
    pd.testing.assert_frame_equal(load_model(tmp_path / "saved").predict(rows), load_model(folder).predict(rows))


# A search that makes one

SEARCH = {
    "data": {"table": "shop.csv"},
    "tasks": {"klick": {"kind": "binary"}, "größe": {"kind": "regression"}},
    "space": SPACE,
    "search": {"trials": 6, "rungs": [0.5, 1.0], "cohort": 4, "finalists": 2, "seeds": 2, "presets": ["mmoe"]},
}


@pytest.fixture(scope="module")
def finished(ray_session, tmp_path_factory) -> Path:
    """The folder of a search of few trials that was asked for an ensemble on the command line."""
    folder = tmp_path_factory.mktemp("finished")
    frame().to_csv(folder / "shop.csv", index=False)
    (folder / "search.yaml").write_text(yaml.safe_dump(SEARCH, allow_unicode=True), encoding="utf-8")
    typed("run", folder / "search.yaml", "--ensemble", "--folder", folder / "run")
    return folder / "run"


@pytest.mark.ray
def test_a_search_leaves_an_ensemble_that_is_chosen_once_and_compared(finished, capsys):
    run = mn.load_run(finished)
    (ensembled,) = [event for event in events(finished) if isinstance(event, Ensembled)]
    assert run.request.settings.ensemble
    assert sum(member.share for member in ensembled.members) == pytest.approx(1)
    networks = [result for trial in run.trials() for result in run.state.networks_of(trial).items()]
    singles = [result.score for name, result in networks if name.rung is None]
    assert ensembled.score >= max(singles) - 1e-6  # the record rounds nothing, but predictions are kept in 32 bits
    data = mn.load_dataset(finished.parent / "search.yaml")
    where = finished / ("best" if run.takes_ensemble else "ensemble")
    predicted = mn.load_model(where).predict(data.frame("test"))
    expected = {task: ensembled.scores[task] for task in ("klick", "größe")}
    scores = score_tasks({task: predicted[task].to_numpy() for task in expected}, data.rows("test"), data.schema)
    assert scores["klick"]["auc"] == pytest.approx(expected["klick"]["auc"], abs=1e-5)
    assert scores["größe"]["r2"] == pytest.approx(expected["größe"]["r2"], abs=1e-5)

    before = (finished / "trials.jsonl").read_bytes()
    shares = (where / "ensemble.json").read_bytes()
    shutil.rmtree(where)  # it is written again, from the record
    capsys.readouterr()
    typed("resume", finished)
    assert (finished / "trials.jsonl").read_bytes() == before
    assert (where / "ensemble.json").read_bytes() == shares
    name = f"ensemble of {len(ensembled.members)}"
    assert name in capsys.readouterr().out
    rows = {row.name: row for row in mn.compare([run], data).rows}
    assert rows[name].cells["klick"].score == pytest.approx(expected["klick"]["auc"])
    assert rows[name].cost.parameters == sum(
        run.state.trials[member.number].proposed.parameters for member in ensembled.members
    )
