"""How many trials a search has where its user says nothing, or says its time alone."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from study_fixtures import driver, request
from tiny_search import SPACE, data, tiny_search

from mtl_nas.data import Dataset
from mtl_nas.design import Proposal
from mtl_nas.record import Budget, Proposed, Record, RunFolder, SearchSettings, layout
from mtl_nas.study import plan as plan_of
from mtl_nas.study.cost_estimate import PATIENT, TrainingCost
from mtl_nas.study.planning import FEWEST_TRIALS, MOST_TRIALS, PLANNED_SECONDS

DATA = data()


def costing(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every training take that long."""

    def rehearsed(proposals: Mapping[str, Proposal], data: Dataset) -> list[TrainingCost]:
        return [TrainingCost(name, 1, 1.0, seconds / PATIENT) for name in proposals]

    monkeypatch.setattr("mtl_nas.study.planning.rehearsed", rehearsed)


def test_a_search_is_planned_for_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    costing(20.0, monkeypatch)
    planned = plan_of(SPACE, DATA, SearchSettings(), workers=2)
    assert FEWEST_TRIALS < planned.trials < MOST_TRIALS
    assert planned.seconds == pytest.approx(PLANNED_SECONDS, rel=0.05)
    assert str(planned).startswith(f"planned: {planned.trials} trials, about 10 min on 2 workers")


def test_more_workers_and_shorter_trainings_mean_more_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for seconds, workers in ((40.0, 2), (20.0, 2), (20.0, 4)):
        costing(seconds, monkeypatch)
        counts.append(plan_of(SPACE, DATA, SearchSettings(), workers=workers).trials)
    assert counts == sorted(set(counts))


def test_the_smallest_search_is_planned_however_long_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    costing(1e5, monkeypatch)
    assert plan_of(SPACE, DATA, SearchSettings(), workers=1).trials == FEWEST_TRIALS


def test_a_search_whose_time_is_bounded_has_trials_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    costing(20.0, monkeypatch)
    free = plan_of(SPACE, DATA, SearchSettings(), workers=2)
    bounded = plan_of(SPACE, DATA, SearchSettings(time=PLANNED_SECONDS), workers=2)
    assert bounded.trials == 2 * free.trials


def test_the_plan_is_written_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtl_nas.study.planning.PLANNED_SECONDS", 1e-6)
    monkeypatch.setattr("mtl_nas.study.planning.FEWEST_TRIALS", 4)
    tiny_search(tmp_path, DATA, trials=None)
    assert RunFolder(tmp_path).request().settings.trials == 4
    lines = list(Record(tmp_path / layout.RECORD))
    assert sum(isinstance(line, Proposed) and line.duplicate_of is None for line in lines) == 4
    monkeypatch.setattr("mtl_nas.study.planning.FEWEST_TRIALS", 6)
    tiny_search(tmp_path, DATA, trials=None)  # the search is not planned again
    assert RunFolder(tmp_path).request().settings.trials == 4


def test_without_a_plan_a_search_counts_on_thirty_trials(tmp_path: Path) -> None:
    assert (Budget().proposals, Budget(trials=7).proposals, Budget(trainings=9, rungs=(1.0,)).proposals) == (30, 7, 9)
    assert driver(tmp_path, request(trials=None)).state.settings.is_unplanned
