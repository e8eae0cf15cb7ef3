"""A search that is stopped anywhere has a model that can be used, and one that ended can be compared on more seeds."""

from pathlib import Path
from typing import Any

import pytest
from tiny_search import BUDGET, Here, data, tiny_search

import mtl_nas as mn
from mtl_nas.comparison import compare
from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.exports import is_model_folder, load_model
from mtl_nas.record import Chosen, Finalist, Record, Selected
from mtl_nas.study import add_seeds, load_run
from mtl_nas.study.selection import ensemble as ensemble_choice
from mtl_nas.study.selection.ensemble import EnsembleChoice


@pytest.fixture(scope="module")
def rows() -> Dataset:
    return data()


def stopped_at(folder: Path, rows: Dataset, job: int, **changes: Any) -> None:
    """Stop a search before one of its jobs, as Ctrl-C does."""

    def stop(number: int) -> None:
        if number == job:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tiny_search(folder, rows, Here(lost=stop), **changes)


@pytest.mark.parametrize("job", range(1, 9))
def test_a_search_that_is_stopped_after_any_job_leaves_a_model_that_is_used(
    tmp_path: Path, rows: Dataset, job: int
) -> None:
    stopped_at(tmp_path / "run", rows, job)
    run = load_run(tmp_path / "run")
    assert not run.finished
    assert run.state.selected is not None
    model = run.best_model()
    assert model.predict(rows.frame("test")).notna().all().all()
    trial = run.best()
    assert model.architecture == mn.compose(trial.proposal.design, rows.schema)
    mn.export(run, tmp_path / "exported")
    assert load_model(tmp_path / "exported").architecture == model.architecture
    with pytest.raises(RunError, match="is not finished"):
        compare([run], rows)


def test_before_the_first_rung_there_is_no_model_and_the_message_says_so(tmp_path: Path, rows: Dataset) -> None:
    stopped_at(tmp_path / "run", rows, 0)
    with pytest.raises(RunError, match="has no model yet; go on with: mtl-search resume"):
        load_run(tmp_path / "run").best_model()


def test_a_resumed_search_has_the_folder_of_its_record(tmp_path: Path, rows: Dataset) -> None:
    stopped_at(tmp_path / "run", rows, 5)
    before = (tmp_path / "run" / "best" / "model.safetensors").read_bytes()
    for path in (tmp_path / "run" / "best").iterdir():
        path.unlink()
    (tmp_path / "run" / "best").rmdir()
    stopped_at(tmp_path / "run", rows, 0)
    assert (tmp_path / "run" / "best" / "model.safetensors").read_bytes() == before


@pytest.fixture(scope="module", params=["quick", "none"])
def finished(request: pytest.FixtureRequest, rows: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param) / "run"
    budget = BUDGET.model_copy(update={"compare": request.param})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tiny_search.BUDGET", budget)
        tiny_search(folder, rows, ensemble=False)
    return folder


def test_a_finished_search_says_of_how_many_seeds_its_figures_are(finished: Path, rows: Dataset) -> None:
    run = load_run(finished)
    comparison = compare([run], rows)
    fresh = [event for event in run.folder.record if isinstance(event, Finalist)]
    assert comparison.of_search == (run.settings.compare == "none")
    assert bool(fresh) == (run.settings.compare == "quick")
    assert {row.seeds for row in comparison.rows} == {1}
    assert comparison.best.name == run.best().name


def test_seeds_are_added_to_the_record_and_none_is_trained_twice(finished: Path, rows: Dataset) -> None:
    before = list(Record(finished / "trials.jsonl"))
    weights = (finished / "best" / "model.safetensors").read_bytes()
    run = add_seeds(finished, rows, 3)
    added = list(run.folder.record)[len(before) :]
    assert list(run.folder.record)[: len(before)] == before
    assert isinstance(added[0], Chosen)
    results = [(event.number, event.seed) for event in run.folder.record if isinstance(event, Finalist)]
    assert len(results) == len(set(results))
    assert {row.seeds for row in compare([run], rows).rows if row.name in ("mmoe", "single_task")} == {3}
    assert not any(isinstance(event, Selected) for event in added)
    assert (finished / "best" / "model.safetensors").read_bytes() == weights
    again = (finished / "trials.jsonl").read_bytes()
    add_seeds(finished, rows, 2)
    assert (finished / "trials.jsonl").read_bytes() == again


@pytest.mark.parametrize("pays", [True, False])
def test_best_is_the_ensemble_where_it_pays_and_the_other_model_lies_beside(
    tmp_path: Path, rows: Dataset, monkeypatch: pytest.MonkeyPatch, pays: bool
) -> None:
    monkeypatch.setattr(EnsembleChoice, "pays", property(lambda choice: pays))
    monkeypatch.setattr(ensemble_choice, "greedy", lambda predictions, *_, **__: (list(predictions)[:2], 0.5))
    run = tiny_search(tmp_path / "run", rows)
    best, ensemble, single = (tmp_path / "run" / name for name in ("best", "ensemble", "single"))
    assert run.takes_ensemble == pays
    assert len(load_model(best).members) > 1 if pays else len(load_model(best).members) == 1
    assert is_model_folder(single) == pays
    assert is_model_folder(ensemble) == (not pays)
    assert load_model(run.single_folder).architecture == mn.compose(run.best().proposal.design, rows.schema)
    row = compare([run], rows).best
    assert row.name.startswith("ensemble of ") == pays
    record = (tmp_path / "run" / "trials.jsonl").read_bytes()
    damaged = [next(folder.rglob("model.safetensors")) for folder in (best, single if pays else ensemble)]
    before = [path.read_bytes() for path in damaged]
    for path in damaged:
        path.write_bytes(b"")
    tiny_search(tmp_path / "run", rows)
    assert [path.read_bytes() for path in damaged] == before
    assert (tmp_path / "run" / "trials.jsonl").read_bytes() == record


def test_without_an_ensemble_best_is_a_network_and_nothing_lies_beside(tmp_path: Path, rows: Dataset) -> None:
    run = tiny_search(tmp_path / "run", rows, ensemble=False)
    assert run.state.ensembled is None
    assert not (tmp_path / "run" / "ensemble").exists()
    assert len(run.best_model().members) == 1


def test_a_search_whose_time_is_up_early_compares_the_networks_that_it_has(tmp_path: Path, rows: Dataset) -> None:
    run = tiny_search(tmp_path, rows, time=1e-3)
    assert all(name.rung == 0 for _, names in run.compared() for name in names)
    designs = list(mn.compare([run], rows).frame()["design"])
    assert run.best().name in designs
