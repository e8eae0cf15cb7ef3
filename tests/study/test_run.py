"""What a run tells, finished or not."""

from pathlib import Path

import pytest
from faulty_files import DISKS, Fault, faults_in
from study_fixtures import driver, events, proposed, request, run

from mtl_nas.errors import RunError
from mtl_nas.record import Best, Finalist, Record, RunFolder
from mtl_nas.study import Run, load_run


def searched(folder: Path, **settings: object) -> Run:
    RunFolder(folder).begin(request(**settings))
    run(driver(folder, request(**settings)))
    return load_run(folder)


@pytest.mark.parametrize(
    ("objectives", "directions"), [(("mean",), 1), (("buy",), 1), (("click", "parameters"), 2), (("worst",), 1)]
)
def test_the_study_has_the_objectives_of_the_run(tmp_path: Path, objectives: tuple[str, ...], directions: int) -> None:
    made = searched(tmp_path, objectives=objectives, sampler="random")
    study = made.study()
    assert len(study.directions) == directions
    assert study.trials
    for trial in study.trials:
        original = made.state.trials[made.state.trials[trial.user_attrs["number"]].original]
        assert trial.values == list(made.state.values(original, max(original.scored)))
    first = [trial.values[0] for trial in study.trials]
    numbers = [made.state.trials[trial.user_attrs["number"]].original for trial in study.trials]
    assert (first == [made.state.trials[number].score for number in numbers]) == (objectives[0] == "mean")


def test_what_a_run_is_asked_for_most_has_a_name(tmp_path: Path) -> None:
    made = searched(tmp_path, seed=3)
    assert made.settings.seed == 3
    assert made.best_folder == tmp_path / "best"
    assert (made.reason, made.finished) == ("", False)
    with pytest.raises(RunError, match="is not finished"):
        made.refuse_unfinished()
    assert made.state.selected is not None
    assert made.best().number == made.state.selected.number
    winner = made.finalists()[0]
    Record(tmp_path / "trials.jsonl").append(Best(number=winner.number, seed=winner.best_seed, reason="alone"))
    ended = load_run(tmp_path)
    assert (ended.best().number, ended.reason) == (winner.number, "alone")
    assert ended.best().parameters == ended.best().proposed.parameters
    assert ended.best().macs == ended.best().proposed.macs


def test_finalists_and_the_front_begin_with_the_best_mean(tmp_path: Path) -> None:
    made = searched(tmp_path, objectives=("mean", "parameters"), sampler="random")
    means = [trial.finalist_mean for trial in made.finalists()]
    assert means == sorted(means, reverse=True)
    assert len(means) == len({event.number for event in events(tmp_path) if isinstance(event, Finalist)})
    assert made.front()[0] == made.finalists()[0]
    assert set(map(id, made.front())) <= set(map(id, made.finalists()))


def test_a_run_without_trials_has_an_empty_front(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.begin(request())
    assert load_run(tmp_path).front() == []
    folder.record.append(proposed(0))
    with pytest.raises(RunError, match="has no model yet; go on with: mtl-search resume"):
        load_run(tmp_path).best_model()
    assert [trial.name for trial in load_run(tmp_path).trials()] == ["trial 0"]
    assert load_run(tmp_path).space().tasks == ("click", "buy")


@pytest.mark.parametrize("disk", DISKS)
def test_the_lock_of_a_folder_is_free_after_the_disk_failed(tmp_path: Path, disk: str) -> None:
    error, kinds = DISKS[disk]
    fault = Fault(-1, error, kinds=kinds, lasting=True)

    def search_on_a_disk_that_fails() -> None:
        with faults_in(tmp_path, fault), RunFolder(tmp_path).lock():
            fault.at = 0
            raise OSError(error, "of the search")

    with pytest.raises(OSError, match="of the search"):
        search_on_a_disk_that_fails()
    with RunFolder(tmp_path).lock():
        pass
