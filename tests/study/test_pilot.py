"""The pilot: who is trained, what it measures at states made by hand, what follows for the search."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, variance
from typing import Any

import pytest
from slowly import slow
from study_fixtures import decisions, driver, events, proposed, request, run, scored, state_of, trained

from mtl_nas.record import Budget, Closed, Event, Failed, Piloted, Promoted, Proposed, RunState, Stopped
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.schedule.actions import Decide, Propose, Train
from mtl_nas.study.schedule.budget import next_rung, pilot_size, planned_finals, rungs_in_use
from mtl_nas.study.schedule.pilot import measured, pilot_action

BUDGET = Budget(trials=60, rungs=(0.25, 0.5, 1.0), pilot=10, finalists=4, seeds=3)
PLAN: dict[str, Any] = {"budget": BUDGET, "presets": ("single_task", "mmoe", "ple", "cgc")}
SEARCH = {"trials": 20, "rungs": (0.25, 0.5, 1.0), "pilot": 10}
NAMES = ("single_task", "mmoe", "ple")


def measurement(scores: Sequence[Sequence[float]], rungs: Sequence[Sequence[float]] = ()) -> Piloted:
    """Of designs with these scores by seed at the last rung; ``rungs``: the first seeds' scores at the lower rungs."""
    lines: list[Event] = []
    count = len(scores)
    for number, seeds in enumerate(scores):
        lines += [proposed(number), *(scored(number, rung, column[number]) for rung, column in enumerate(rungs))]
        lines.append(scored(number, 2, seeds[0]))
        for replicate, score in enumerate(seeds[1:], start=1):
            copied = proposed(count, proposal_key=f"p{number}", duplicate_of=number, replicate=replicate)
            lines += [copied, scored(count, 2, score)]
            count += 1
    numbered = sorted((line for line in lines if isinstance(line, Proposed)), key=lambda line: line.number)
    return measured(state_of(*numbered, *(line for line in lines if not isinstance(line, Proposed)), **PLAN))


# Noise and spread


def test_noise_is_the_deviation_over_seeds_and_spread_that_between_designs_without_it() -> None:
    scores = [[0.70, 0.72], [0.80, 0.78], [0.75, 0.75], [0.60, 0.66]]
    pilot = measurement(scores)
    noise = fmean(variance(seeds) for seeds in scores)  # groups of two weigh alike
    between = variance([fmean(seeds) for seeds in scores])
    assert pilot.noise == pytest.approx(math.sqrt(noise))
    assert pilot.spread == pytest.approx(math.sqrt(between - noise / 2))


def test_designs_on_one_seed_count_for_spread_and_not_for_noise() -> None:
    scores = [[0.70, 0.72], [0.80], [0.60]]
    pilot = measurement(scores)
    noise = variance([0.70, 0.72])
    assert pilot.noise == pytest.approx(math.sqrt(noise))
    assert pilot.spread == pytest.approx(math.sqrt(variance([0.71, 0.80, 0.60]) - noise * fmean([0.5, 1.0, 1.0])))


def test_where_designs_differ_by_less_than_seeds_do_the_spread_is_nothing_and_it_says_so() -> None:
    pilot = measurement([[0.70, 0.80], [0.80, 0.70], [0.74, 0.76]])
    assert pilot.spread == 0.0
    assert pilot.reason.startswith("seeds move the score by 0.0583, designs by 0.0000 (standard deviations); ")
    assert "architecture hardly matters here" in pilot.reason
    assert pilot.seeds == 5  # much noise asks for more of them


def test_where_designs_differ_clearly_it_says_that_they_matter() -> None:
    pilot = measurement([[0.70, 0.701], [0.80, 0.801], [0.75, 0.751], [0.60, 0.601]])
    assert "; architecture matters here" in pilot.reason
    assert (pilot.finalists, pilot.seeds) == (4, 3)


def test_between_the_two_it_says_that_it_does_not_know() -> None:
    assert "whether architecture matters is not clear yet" in measurement([[0.70, 0.74], [0.80, 0.76], [0.70]]).reason


def test_seeds_that_change_nothing_are_no_noise() -> None:
    pilot = measurement([[0.7, 0.7], [0.8, 0.8]])
    assert (pilot.noise, pilot.spread) == (0.0, pytest.approx(math.sqrt(variance([0.7, 0.8]))))
    assert "; architecture matters here" in pilot.reason


def test_where_no_design_has_two_seeds_noise_is_not_known_and_it_does_not_say_that_designs_matter() -> None:
    assert "whether architecture matters is not clear yet" in measurement([[0.7], [0.8], [0.9]]).reason


def test_a_design_that_did_not_train_at_all_hides_no_difference() -> None:
    sound = [[0.70, 0.71], [0.80, 0.81], [0.60, 0.61], [0.75, 0.76]]
    assert measurement([*sound, [-55_000.0, -0.3]]).noise == pytest.approx(measurement(sound).noise)


def test_one_design_or_none_measures_nothing_and_breaks_nothing() -> None:
    for scores in ([], [[0.7]], [[0.7, 0.8]]):
        pilot = measurement(scores)
        assert pilot.spread == 0.0
        assert pilot.rungs == (0, 1, 2)  # too few to give a rung up


# Rungs


LAST = [0.70, 0.80, 0.75, 0.60, 0.65] * 5


def test_a_rung_is_used_where_it_ranks_as_full_trainings_do_and_dropped_where_it_does_not() -> None:
    from scipy.stats import spearmanr  # which takes a second to import

    bad, good = [0.5, 0.4, 0.3, 0.45, 0.35] * 5, [0.51, 0.59, 0.60, 0.50, 0.52] * 5
    pilot = measurement([[score] for score in LAST], (bad, good))
    for rung, column in enumerate((bad, good)):
        assert pilot.correlations[rung] == pytest.approx(spearmanr(column, LAST).statistic)
    assert pilot.rungs == (1, 2)
    low, high = pilot.correlations.values()
    said = "(0.25 of the work) ranks as full trainings do with correlation"
    assert f"rung 0 {said} {low:.2f} and is not used to stop trials" in pilot.reason
    assert f"rung 1 {said.replace('0.25', '0.50')} {high:.2f} and is used" in pilot.reason


def test_a_rung_whose_scores_are_all_alike_is_dropped() -> None:
    pilot = measurement([[score] for score in LAST], ([0.5] * 25, LAST))
    assert pilot.correlations[0] == 0.0
    assert pilot.rungs == (1, 2)


def test_a_rung_is_given_up_where_few_trials_tell_it_clearly() -> None:
    scores = [[score] for score in LAST[:5]]
    assert measurement(scores, ([0.5, 0.4, 0.3, 0.45, 0.35], LAST[:5])).rungs == (0, 1, 2)


def test_after_the_pilot_trials_go_by_the_rungs_that_are_left_and_finalists_are_as_it_says() -> None:
    event = Piloted(noise=0.1, spread=0.1, correlations={}, rungs=(1, 2), finalists=6, seeds=5, reason="")
    state = state_of(proposed(0), event, proposed(1), **PLAN)
    assert rungs_in_use(state) == (1, 2)
    assert next_rung(state, state.trials[1]) == 1
    assert planned_finals(state) == (6, 5)


# Steps


def step(*events: Event, **changes: Any) -> object:
    return pilot_action(state_of(*events, **PLAN, **changes))


def proposals() -> list[Event]:
    """All that the pilot proposes."""
    lines: list[Event] = []
    while isinstance(taken := step(*lines), Propose):
        number = len(lines)
        if taken.replicate_of is None:
            origin = taken.origin or "random"
            lines.append(proposed(number, origin=origin))
        else:
            copied = {"proposal_key": f"p{taken.replicate_of}", "duplicate_of": taken.replicate_of, "replicate": 1}
            lines.append(proposed(number, origin="replicate", **copied))
    return lines


def test_presets_fill_half_of_its_designs_and_the_first_of_them_are_trained_twice() -> None:
    lines = [line for line in proposals() if isinstance(line, Proposed)]
    assert [line.origin for line in lines[:6]] == [*(f"preset:{name}" for name in NAMES), *["random"] * 3]
    assert [line.duplicate_of for line in lines[6:]] == [0, 1, 2, 3]


def test_replicates_train_the_same_on_seeds_of_their_own() -> None:
    taken = step(*proposals())
    assert isinstance(taken, Train)
    assert len(taken.jobs) == 10
    assert len({job.seed for job in taken.jobs}) == 10
    assert all(job.proposal == taken.jobs[0].proposal for job in taken.jobs)


def test_all_go_on_to_the_end_whatever_their_scores() -> None:
    lines = proposals()
    for rung in range(3):
        taken = step(*lines)
        assert isinstance(taken, Train)
        assert {job.rung for job in taken.jobs} == {rung}
        lines += [scored(job.number, rung, 0.1 * job.number) for job in taken.jobs]
        taken = step(*lines)
        assert isinstance(taken, Decide)
        if rung < 2:
            assert {event.rung for event in taken.events if isinstance(event, Promoted)} == {rung + 1}
            assert len(taken.events) == 10
            lines += taken.events
    assert isinstance(taken.events[0], Piloted)
    assert step(*lines, taken.events[0]) is None


def test_promotions_of_which_half_are_written_are_finished_before_anything_is_trained() -> None:
    lines = proposals()
    lines += [scored(number, 0, 0.5) for number in range(10)]
    whole = step(*lines)
    assert isinstance(whole, Decide)
    for written in range(10):
        assert step(*lines, *whole.events[:written]) == Decide(whole.events[written:])


def test_a_trial_that_failed_holds_nothing_up() -> None:
    lines = proposals()
    lines += [scored(number, 0, 0.5) for number in range(9)]
    lines.append(Failed(number=9, rung=0, failure="diverged", reason=""))
    taken = step(*lines)
    assert isinstance(taken, Decide)
    assert [event.number for event in taken.events if isinstance(event, Promoted)] == list(range(9))


@pytest.mark.parametrize(
    ("changes", "trainings"),
    [
        ({"pilot": 0}, 0),
        ({"pilot": 12}, 12),
        ({"pilot": None, "trainings": 40.0}, 0),
        ({"pilot": None, "trainings": 60.0}, 8),
        ({"pilot": None, "trainings": 200.0}, 20),
        ({"pilot": None, "trainings": 200.0, "rungs": (1.0,)}, 0),
    ],
)
def test_by_default_a_tenth_of_the_work_of_a_large_search_is_for_the_pilot(
    changes: dict[str, object], trainings: int
) -> None:
    assert pilot_size(BUDGET.model_copy(update=changes)) == trainings


def test_a_search_that_is_closed_or_has_no_pilot_does_without() -> None:
    assert step(pilot=0) is None
    assert step(*proposals(), Closed(reason="time")) is None


# In a run


def worker(job: Job) -> JobResult:
    return trained(job, rungs=(0.25, 0.5, 1.0))


def upside_down(job: Job) -> JobResult:
    """The first rung ranks the wrong way round."""
    answer = worker(job)
    return (
        answer.model_copy(update={"score": 1 - worker(job.model_copy(update={"share": 1.0})).score})
        if (job.kind == "trial" and job.rung == 0)
        else answer
    )


def test_a_rung_that_the_pilot_drops_stops_nobody_afterwards(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request(**SEARCH)), work=upside_down)
    state = RunState().after(events(tmp_path))
    assert state.pilot is not None
    assert 0 not in state.pilot.rungs
    after = [job for job in jobs if job.kind == "trial" and job.number >= 10]
    assert after
    assert {job.rung for job in after} <= set(state.pilot.rungs)
    assert all(event.rung > 0 for event in events(tmp_path) if isinstance(event, Stopped))


def test_its_trials_are_trials_of_the_search(tmp_path: Path) -> None:
    run(driver(tmp_path, request(**SEARCH)), work=worker)
    state = RunState().after(events(tmp_path))
    assert len(state.trained) == 20
    assert sum(trial.proposed.origin == "replicate" for trial in state.trained) == 4
    assert state.chosen is not None
    assert not any(state.trials[number].proposed.replicate for number in state.chosen.numbers)


@pytest.mark.parametrize(("workers", "apart"), [slow(1, 1), (2, 7)])
def test_a_pilot_cut_at_any_line_decides_the_same(
    tmp_path: Path, workers: int, apart: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(driver(tmp_path, request(**SEARCH)), work=worker)
    path, whole = tmp_path / "trials.jsonl", events(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    for place in range(0, len(lines), apart):
        path.write_bytes(b"".join(lines[:place]))
        run(driver(tmp_path, request(**SEARCH)), work=worker, workers=workers, order=place)
        assert decisions(events(tmp_path)) == decisions(whole)
