"""The comparison of designs on fresh seeds: its share of the work, its designs, and who gets further seeds."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from study_fixtures import (
    action_after_selection,
    decisions,
    driver,
    events,
    finalist,
    proposed,
    request,
    run,
    scored,
    state_of,
    trained,
)

from mtl_nas.record import Budget, Chosen, Event, Measured, Promoted, Retired, RunState
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.schedule.actions import Decide, Finish, Train
from mtl_nas.study.schedule.budget import comparison_trainings, work_of_trials
from mtl_nas.study.schedule.comparison import choose_designs, compared_networks, designs_by_need
from mtl_nas.study.schedule.finalists import final_action
from mtl_nas.study.search_state import SearchState

PRESETS = ("single_task", "mmoe", "ple")
BUDGET = Budget(trials=20, rungs=(0.5, 1.0), finalists=4, seeds=3, compare="quick")
SEEDS = tuple(seed_of(0, "finalist", index) for index in range(5))


def measured(score: float) -> Measured:
    return Measured(score=score, scores={"click": {"auc": score}})


def ended(tuning: Sequence[float], choosing: Sequence[float] | None = None) -> list[Event]:
    """All trained to the end, presets first; with networks that have these scores on the choosing rows."""
    lines: list[Event] = []
    for number, score in enumerate(tuning):
        origin = f"preset:{PRESETS[number]}" if number < len(PRESETS) else "random"
        lines += [proposed(number, origin=origin), scored(number, 0, score), Promoted(number=number, rung=1, reason="")]
        lines.append(scored(number, 1, score, choosing=measured((choosing or tuning)[number])))
    return lines


SIX = ended([0.5, 0.6, 0.7, 0.9, 0.8, 0.75], [0.5, 0.6, 0.7, 0.8, 0.95, 0.75])


def state(lines: Sequence[Event] = SIX, **options: Any) -> SearchState:
    return state_of(*lines, budget=BUDGET, presets=PRESETS, **{"compare": "quick", **options})


# The share of the work


@pytest.mark.parametrize("trials", range(1, 25))
def test_the_comparison_takes_a_third_of_the_work_at_most(trials: int) -> None:
    lines = ended([0.5 + 0.01 * number for number in range(trials)])
    before = state(lines)
    work, bound = work_of_trials(before), comparison_trainings(before)
    assert bound <= (work + bound) / 3 < bound + 1
    chosen = choose_designs(before)
    assert chosen.trainings == (bound if trials > 3 or bound >= 2 else 0)


@pytest.mark.parametrize("trainings", [4.0, 9.0, 30.0, 100.0, 500.0])
def test_under_bounded_work_its_share_is_reserved_and_none_is_for_no_comparison(trainings: float) -> None:
    assert 0 <= comparison_trainings(state(trainings=trainings)) <= trainings / 3
    assert choose_designs(state(trainings=trainings, compare="none")).numbers == ()


@pytest.mark.parametrize("compare", ["none", "quick"])
@pytest.mark.parametrize("trials", [4, 12, 24])
def test_a_search_keeps_to_the_share(tmp_path: Path, compare: str, trials: int) -> None:
    run(driver(tmp_path, request(trials=trials, compare=compare)))
    after = RunState().after(events(tmp_path))
    fresh = sum(len(trial.finalist) for trial in after.finalists)
    work = sum((1 / 3, 1.0)[max(trial.scored)] for trial in after.trained)
    assert fresh <= (0 if compare == "none" else work / 2)
    assert fresh >= (2 if compare == "quick" and trials > 4 else 0)


# Who


def test_the_design_of_the_best_network_comes_first_then_the_baseline_and_the_best_preset() -> None:
    assert designs_by_need(state()) == [4, 0, 2, 3, 5, 1]
    best_is_preset = ended([0.5, 0.99, 0.7, 0.9, 0.8])
    assert designs_by_need(state(best_is_preset))[:3] == [1, 0, 3]
    best_is_baseline = ended([0.99, 0.6, 0.7, 0.9, 0.8])
    assert designs_by_need(state(best_is_baseline))[:2] == [0, 3]


def test_as_many_designs_are_compared_as_can_have_two_seeds() -> None:
    assert choose_designs(state()) == Chosen(numbers=(4, 0, 2), seeds=SEEDS, trainings=3)
    many = ended([0.5 + 0.01 * number for number in range(18)])
    assert len(choose_designs(state(many)).numbers) == 9 // 2
    assert choose_designs(state(ended([0.5]))).numbers == ()


# The rounds


def next_jobs(results: dict[int, Sequence[float]], trainings: int, *more: Event) -> list[tuple[int, int]]:
    """The designs and the places of the seeds that are trained next, after some results."""
    chosen = Chosen(numbers=(4, 0, 2, 3), seeds=SEEDS, trainings=trainings)
    arrived = [
        finalist(number, SEEDS[place], score) for number in results for place, score in enumerate(results[number])
    ]
    action = final_action(state([*SIX, chosen, *arrived, *more], racing=False), chosen)
    return [(job.number, SEEDS.index(job.seed)) for job in action.jobs] if isinstance(action, Train) else []


def test_all_designs_have_the_first_seed_and_the_nearest_to_the_leader_further_ones() -> None:
    assert next_jobs({}, 7) == [(4, 0), (0, 0), (2, 0), (3, 0)]
    first: dict[int, Sequence[float]] = {4: [0.90], 0: [0.50], 2: [0.85], 3: [0.91]}
    assert next_jobs(first, 7) == [(3, 1), (4, 1), (2, 1)]
    assert next_jobs(first, 6) == [(3, 1), (4, 1)]
    assert next_jobs({**first, 4: [0.90, 0.9]}, 6) == [(3, 1)]
    assert next_jobs({**first, 4: [0.90, 0.9], 3: [0.91, 0.8]}, 6) == []


def test_a_design_alone_is_not_trained_on_a_further_seed() -> None:
    assert next_jobs({4: [0.90], 0: [0.50], 2: [0.85], 3: [0.91]}, 5) == []


def test_only_designs_with_all_earlier_seeds_go_on_and_none_that_is_retired() -> None:
    second: dict[int, Sequence[float]] = {4: [0.90, 0.91], 0: [0.50], 2: [0.85, 0.86], 3: [0.91, 0.92]}
    assert next_jobs(second, 20) == [(0, 1)]
    assert next_jobs(second, 7) == []
    assert next_jobs(second, 20, Retired(number=0, reason="")) == [(3, 2), (4, 2), (2, 2)]


def test_a_comparison_ends_the_search_when_its_trainings_are_done() -> None:
    chosen = Chosen(numbers=(4, 0), seeds=SEEDS, trainings=2)
    lines = [*SIX, chosen, finalist(4, SEEDS[0], 0.9), finalist(0, SEEDS[0], 0.5)]
    assert action_after_selection(state(lines)) == Finish()


def test_without_fresh_seeds_the_networks_of_the_search_are_compared() -> None:
    names = compared_networks(state([*SIX, Chosen(numbers=(), seeds=(), trainings=0)]))
    assert [name.number for name in names] == [4, 0, 2, 3, 5, 1]
    assert all(name.rung is None for name in names)
    fresh = compared_networks(state([*SIX, finalist(3, SEEDS[0], 0.9)]))
    assert [(name.number, name.seed) for name in fresh] == [(3, SEEDS[0])]


# Cut anywhere


def noisy(job: Job) -> Any:
    answer = trained(job)
    if job.kind == "trial":
        return answer
    return answer.model_copy(update={"score": 0.5 + 0.01 * (job.seed % 7) + 0.02 * (job.number % 5)})


@pytest.mark.parametrize("compare", ["none", "quick"])
@pytest.mark.parametrize("workers", [1, 3])
def test_a_search_cut_at_any_line_compares_the_same_designs(tmp_path: Path, compare: str, workers: int) -> None:
    go_on = partial(driver, tmp_path, request(trials=16, compare=compare))
    run(go_on(), work=noisy)
    path, whole = tmp_path / "trials.jsonl", events(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    assert sum(event.event == "selected" for event in whole) > 2
    for place in range(0, len(lines), 1 if compare == "quick" else 7):
        path.write_bytes(b"".join(lines[:place]))
        run(go_on(), work=noisy, workers=workers, order=place)
        assert decisions(events(tmp_path)) == decisions(whole)
        if workers == 1:
            assert events(tmp_path) == whole


def test_a_choice_that_is_written_is_not_made_again() -> None:
    action = action_after_selection(state(SIX, trials=6))
    assert isinstance(action, Decide)
    (chosen,) = action.events
    assert isinstance(action_after_selection(state([*SIX, chosen], trials=6)), Train)
