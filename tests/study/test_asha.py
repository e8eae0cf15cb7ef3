"""Asynchronous promotion: no barrier, no waiting worker, an end."""

import os
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from study_fixtures import driver, events, proposed, request, run, scored, state_of, trained

from mtl_nas.record import Budget, Chosen, Closed, Event, Failed, Promoted, RunState, Stopped
from mtl_nas.study.jobs import Job
from mtl_nas.study.schedule.actions import Decide, Propose, Train
from mtl_nas.study.schedule.asha import asha_action
from mtl_nas.study.schedule.budget import proposals_left, work_left, work_underway
from mtl_nas.study.schedule.next_action import next_action
from mtl_nas.study.search_state import SearchState

RUNGS = (1 / 9, 1 / 3, 1.0)
BUDGET = Budget(trials=9, rungs=RUNGS, promotion="asynchronous", reduction=3.0)
SEARCH = {"trials": 18, "rungs": RUNGS, "promotion": "asynchronous", "reduction": 3.0}


def step(*events: Event, running: Collection[int] = (), **plan: Any) -> object:
    return asha_action(state_of(*events, **{"budget": BUDGET, **plan}), running)


def reached(*scores: float, rung: int = 0) -> list[Event]:
    lines: list[Event] = [proposed(number) for number in range(len(scores))]
    return [*lines, *(scored(number, rung, score) for number, score in enumerate(scores))]


def jobs(taken: object) -> tuple[Job, ...]:
    assert isinstance(taken, Train)
    return taken.jobs


# Steps


def test_a_proposal_is_trained_at_once_and_the_next_is_made_when_it_runs() -> None:
    assert step() == Propose()
    assert [job.number for job in jobs(step(proposed(0)))] == [0]
    assert step(proposed(0), running={0}) == Propose()
    assert [job.number for job in jobs(step(proposed(0), proposed(1), running={0}))] == [0, 1]


def test_presets_are_asked_for_first() -> None:
    presets = ("single_task", "ple")
    assert step(presets=presets) == Propose("preset:single_task")
    assert step(proposed(0, origin="preset:single_task"), running={0}, presets=presets) == Propose("preset:ple")


def test_one_of_three_that_reached_a_rung_goes_on_as_soon_as_there_are_three() -> None:
    assert step(*reached(0.5, 0.6)) == Propose()
    assert step(*reached(0.5, 0.6, 0.4)) == Decide((Promoted(number=1, rung=1, reason="rank 1 of 3 at rung 0"),))


def test_what_comes_later_is_measured_against_all_before_and_the_highest_rung_goes_first() -> None:
    first = [*reached(0.5, 0.6, 0.4, 0.3, 0.2), Promoted(number=1, rung=1, reason=""), scored(1, 1, 0.7)]
    assert step(*first) == Propose()
    sixth = [*first, proposed(5), scored(5, 0, 0.55)]
    assert step(*sixth) == Decide((Promoted(number=5, rung=1, reason="rank 2 of 6 at rung 0"),))
    above = [Promoted(number=number, rung=1, reason="") for number in (0, 5)]
    many = [*sixth, *above, scored(0, 1, 0.8), scored(5, 1, 0.65), *(proposed(number) for number in (6, 7, 8))]
    many += [scored(number, 0, 0.9) for number in (6, 7, 8)]
    assert step(*many) == Decide((Promoted(number=0, rung=2, reason="rank 1 of 3 at rung 1"),))


def test_trials_that_failed_are_not_promoted() -> None:
    lines = [*reached(0.5, 0.6, 0.4), Promoted(number=1, rung=1, reason="")]
    failed = Failed(number=1, rung=1, failure="memory", reason="")
    assert step(*lines, failed) == Propose()


def test_at_the_end_what_is_not_among_the_best_is_stopped_with_a_reason() -> None:
    lines = [*reached(0.5, 0.6, 0.4), Promoted(number=1, rung=1, reason=""), scored(1, 1, 0.7), Closed(reason="time")]
    taken = step(*lines)
    assert isinstance(taken, Decide)
    reason = "not among the best of its rung at the end"
    assert taken.events == tuple(
        Stopped(number=number, rung=rung, reason=reason) for number, rung in ((0, 0), (1, 1), (2, 0))
    )
    for written in range(3):
        assert step(*lines, *taken.events[:written]) == Decide(taken.events[written:])
    assert step(*lines, *taken.events) is None
    (last,) = next_action(state_of(*lines, *taken.events, budget=BUDGET)).events  # type: ignore[union-attr]
    assert isinstance(last, Chosen)


def test_while_the_last_trials_run_nothing_is_stopped() -> None:
    lines = [*reached(0.5, 0.6), proposed(2), Closed(reason="time")]
    assert [job.number for job in jobs(step(*lines, running={2}))] == [2]


def test_a_promotion_waits_where_what_is_under_way_takes_the_work_that_is_left() -> None:
    bound = {"budget": BUDGET.model_copy(update={"trainings": 20.0}), "full_rows": 100}
    left = work_left(state_of(**bound))
    lines: list[Event] = [proposed(number) for number in range(9)]
    assert work_underway(state_of(*lines, **bound)) == pytest.approx(1.0)
    spent = round(100 * (left - 0.25) / 9)
    lines += [scored(number, 0, 0.1 * number, rows=spent) for number in range(9)]
    for number in (8, 7):
        taken = step(*lines, running={7, 8}, **bound)
        assert isinstance(taken, Decide)
        (event,) = taken.events
        assert (event.event, event.number) == ("promoted", number)  # type: ignore[union-attr]
        lines.append(event)
        assert jobs(step(*lines, **bound))
    assert [job.number for job in jobs(step(*lines, running={7, 8}, **bound))] == [7, 8]  # 6 is not promoted


def test_a_step_is_a_function_of_the_record_and_of_what_runs(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(**SEARCH))
    run(driven, work=partial(trained, rungs=RUNGS), workers=2)
    lines = events(tmp_path)
    for place in range(0, len(lines), 3):
        for running in ((), {1}, {2, 4}):
            settings = driven.state.settings
            one, other = (next_action(SearchState(settings).after(lines[:place]), running) for _ in range(2))
            assert one == other


# Runs


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("bound", [{}, {"trainings": 14.0}])
def test_no_worker_waits_while_there_is_room_and_the_run_ends(
    tmp_path: Path, workers: int, bound: dict[str, float]
) -> None:
    driven, running = driver(tmp_path, request(**SEARCH, **bound)), list[Job]()
    for place in range(1000):
        while len(running) < workers and (jobs := driven.next_jobs()):
            running.extend(jobs)
        if not running:
            break
        if proposals_left(driven.state) > 0 and driven.state.chosen is None:
            assert len(running) == workers
        job = running.pop(place % len(running))
        driven.job_done(job, trained(job, rungs=RUNGS))
    assert driven.done
    state = RunState().after(events(tmp_path))
    assert state.chosen is not None
    assert {rung for trial in state.trained for rung in trial.scored} == {0, 1, 2}
    assert all(driven.state.settled(trial) for trial in state.trained)
    if not bound:
        assert len(state.trained) == 18


@pytest.mark.slow
def test_a_kill_changes_nothing_where_one_worker_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    work = partial(trained, rungs=RUNGS)
    run(driver(tmp_path, request(**SEARCH)), work=work)
    path = tmp_path / "trials.jsonl"
    whole = path.read_bytes()
    lines: Sequence[bytes] = whole.splitlines(keepends=True)
    for place in range(len(lines)):
        path.write_bytes(b"".join(lines[:place]))
        run(driver(tmp_path, request(**SEARCH)), work=work)
        assert path.read_bytes() == whole
