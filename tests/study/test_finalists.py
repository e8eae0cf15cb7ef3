"""Who is trained again on fresh seeds, and the race among them, at states made by hand and in runs."""

from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from study_fixtures import (
    action_after_selection,
    chance,
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

from mtl_nas.record import Budget, Chosen, Event, Failed, Promoted, Retired, RunState
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.schedule.actions import Decide, Finish, Train
from mtl_nas.study.schedule.budget import final_stage
from mtl_nas.study.schedule.finalists import choose_finalists, final_action

PRESETS = ("single_task", "mmoe", "ple", "cgc", "aitm")
BUDGET = Budget(trials=20, rungs=(0.5, 1.0), finalists=4, seeds=3)


def ended(searched: Sequence[float], preset_scores: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5)) -> list[Event]:
    """All trained to the end, presets first."""
    scores, lines = [*preset_scores, *searched], list[Event]()
    for number, score in enumerate(scores):
        origin = f"preset:{PRESETS[number]}" if number < len(preset_scores) else "random"
        lines += [proposed(number, origin=origin), scored(number, 0, score), Promoted(number=number, rung=1, reason="")]
        lines.append(scored(number, 1, score))
    return lines


def numbers(lines: Sequence[Event], budget: Budget = BUDGET, **plan: Any) -> tuple[int, ...]:
    return choose_finalists(state_of(*lines, budget=budget, presets=PRESETS, **plan)).numbers


# Who


def test_the_best_searched_designs_come_first_then_the_best_three_presets_and_the_baseline() -> None:
    assert numbers(ended([0.60, 0.80, 0.70, 0.50, 0.90])) == (9, 6, 7, 5, 0, 2, 3, 4)


def test_where_work_is_bounded_one_preset_and_the_baseline_take_places_of_their_own() -> None:
    bound = BUDGET.model_copy(update={"trainings": 100.0})
    count, _ = final_stage(bound)
    finalists = numbers(ended([0.60, 0.80, 0.70, 0.50, 0.90]), bound)
    assert finalists == (9, 6, 7, 5, 8, 0, 4)
    assert len(finalists) == count


def test_where_work_is_bounded_finalists_keep_to_their_share_of_it() -> None:
    for trainings in range(4, 500):
        count, seeds = final_stage(BUDGET.model_copy(update={"trainings": float(trainings)}))
        assert 3 <= count <= 10
        assert count * seeds <= max(0.25 * trainings, 0.75 * min(trainings, 10))


def test_replicates_and_trials_that_failed_are_no_finalists() -> None:
    lines = ended([0.60, 0.80])
    lines += [proposed(7, proposal_key="p6", duplicate_of=6, replicate=1), scored(7, 0, 0.99), scored(7, 1, 0.99)]
    lines += [proposed(8), scored(8, 0, 0.99), Failed(number=8, rung=1, failure="memory", reason="")]
    assert numbers(lines)[:2] == (6, 5)
    assert not {7, 8} & set(numbers(lines))


def test_a_searched_design_is_compared_by_the_mean_over_its_seeds() -> None:
    lines = [*ended([0.60, 0.80]), proposed(7, proposal_key="p6", duplicate_of=6, replicate=1), scored(7, 1, 0.10)]
    assert numbers(lines, BUDGET.model_copy(update={"finalists": 1}))[0] == 5


def test_of_several_objectives_the_front_with_most_room_comes_first() -> None:
    lines = ended([0.60, 0.80, 0.70, 0.50])
    for place, parameters in ((5, 10), (6, 40), (7, 35), (8, 50)):
        line = next(line for line in lines if line.event == "proposed" and line.number == place)
        lines[lines.index(line)] = line.model_copy(update={"parameters": parameters})
    assert numbers(lines, objective=Objective(("mean", "parameters")))[:3] == (5, 6, 7)


def test_with_no_searched_design_the_presets_are_finalists() -> None:
    assert numbers(ended([])) == (0, 2, 3, 4)
    assert numbers(ended([]), BUDGET.model_copy(update={"trainings": 100.0})) == (0, 4)


# The race


SEEDS = (11, 12, 13)


def race(scores: Mapping[int, Sequence[float]], *more: Event, **plan: Any) -> object:
    """The step after these finalists' scores on the first seeds; 0 is the baseline, 1 and 2 are presets."""
    lines = ended([0.7, 0.8, 0.9], (0.1, 0.2, 0.3))
    arrived = [finalist(number, seed, value) for number in scores for seed, value in zip(SEEDS, scores[number])]  # noqa: B905
    decided = Chosen(numbers=tuple(scores), seeds=SEEDS)
    plan = {"budget": BUDGET, "presets": PRESETS, **plan}
    return final_action(state_of(*lines, decided, *arrived, *more, **plan), decided)


def retired(step: object) -> tuple[int, ...]:
    assert isinstance(step, Decide)
    return tuple(event.number for event in step.events if isinstance(event, Retired))


def jobs(step: object) -> tuple[Job, ...]:
    assert isinstance(step, Train)
    return step.jobs


CLEAR = {
    5: [0.900, 0.902],
    4: [0.900, 0.901],
    3: [0.700, 0.703],
    0: [0.600, 0.601],
    1: [0.650, 0.652],
    2: [0.64, 0.641],
}


def test_who_is_clearly_behind_gets_no_further_seed_and_the_near_ones_do() -> None:
    step = race(CLEAR)
    assert retired(step) == (3, 2)
    assert isinstance(step, Decide)
    first = step.events[0]
    assert isinstance(first, Retired)
    assert first.reason.startswith("0.1995 behind trial 5 on 2 seeds, more than the 0.00")
    assert first.reason.endswith(" that noise explains")
    rest = jobs(race(CLEAR, *step.events))
    assert [(job.number, job.seed) for job in rest] == [(5, 13), (4, 13), (0, 13), (1, 13)]


def test_the_baseline_and_the_best_preset_stay_however_far_behind_they_are() -> None:
    assert not {0, 1, 5} & set(retired(race({**CLEAR, 0: [0.1, 0.101], 1: [0.2, 0.201], 2: [0.15, 0.151]})))


def test_what_noise_explains_retires_nobody() -> None:
    noisy = {5: [0.90, 0.80], 4: [0.82, 0.91], 3: [0.79, 0.86], 0: [0.88, 0.75], 1: [0.70, 0.93]}
    assert [job.seed for job in jobs(race(noisy))] == [13] * 5


def test_a_seed_that_is_hard_for_all_is_no_noise() -> None:
    shifted = {number: [first, second - 0.3] for number, (first, second) in CLEAR.items()}
    assert retired(race(shifted)) == (3, 2)


def test_one_seed_tells_nothing_and_two_finalists_have_no_noise_to_measure() -> None:
    assert [job.seed for job in jobs(race({number: values[:1] for number, values in CLEAR.items()}))] == [12] * 6
    assert [job.seed for job in jobs(race({number: CLEAR[number] for number in (5, 3)}))] == [13] * 2


def test_without_racing_and_with_several_objectives_all_are_trained_on_all_seeds() -> None:
    for plan in (
        {"racing": False},
        {"objective": Objective(("mean", "parameters"))},
    ):
        assert len(jobs(race(CLEAR, **plan))) == 6


def test_on_the_last_seed_nobody_is_retired() -> None:
    three = {number: [*values, values[0]] for number, values in CLEAR.items()}
    assert race(three, *(Retired(number=number, reason="") for number in (3, 2))) is None
    lines = ended([0.7, 0.8, 0.9], (0.1, 0.2, 0.3))
    both = Chosen(numbers=tuple(CLEAR), seeds=SEEDS[:2])
    arrived = [
        finalist(number, seed, CLEAR[number][place]) for number in CLEAR for place, seed in enumerate(both.seeds)
    ]
    assert action_after_selection(state_of(*lines, both, *arrived, budget=BUDGET, presets=PRESETS, seeds=2)) == Finish()


def test_a_finalist_that_failed_on_a_seed_is_in_no_comparison() -> None:
    lines: list[Event] = [Failed(number=3, rung=0, failure="diverged", reason="", seed=12)]
    step = race({**CLEAR, 3: [0.1]}, *lines)
    assert retired(step) == (2,)


def test_the_race_is_decided_by_scores_and_not_by_who_arrived_first() -> None:
    lines = ended([0.7, 0.8, 0.9], (0.1, 0.2, 0.3))
    decided = Chosen(numbers=tuple(CLEAR), seeds=SEEDS)
    first = [finalist(number, 11, CLEAR[number][0]) for number in CLEAR]
    second = [finalist(number, 12, CLEAR[number][1]) for number in CLEAR]
    for order in list(permutations(second))[::37]:
        state = state_of(*lines, decided, *first, *order, budget=BUDGET, presets=PRESETS)
        assert final_action(state, decided) == race(CLEAR)


def test_a_race_of_which_half_is_written_is_finished_as_it_was_begun() -> None:
    whole = race(CLEAR)
    assert isinstance(whole, Decide)
    assert len(whole.events) == 2
    assert race(CLEAR, whole.events[0]) == Decide(whole.events[1:])


# In a run


def apart(job: Job) -> JobResult:
    """Finalists differ by far more than their seeds do."""
    answer = trained(job)
    if job.kind == "trial":
        return answer
    score = 0.5 + 0.4 * chance(job.proposal.model_dump_json()) + 0.001 * chance(job.number, job.seed)
    return answer.model_copy(update={"score": score})


SEARCH: dict[str, Any] = {"trials": 14, "finalists": 4, "seeds": 4}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_race_cut_at_any_line_decides_the_same_with_any_workers(
    tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(driver(tmp_path, request(**SEARCH)), work=apart)
    path, whole = tmp_path / "trials.jsonl", events(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    start = next(place for place, event in enumerate(whole) if isinstance(event, Chosen))
    assert sum(isinstance(event, Retired) for event in whole) >= 2
    for place in range(start, len(lines)):
        path.write_bytes(b"".join(lines[:place]))
        run(driver(tmp_path, request(**SEARCH)), work=apart, workers=workers, order=place)
        assert decisions(events(tmp_path)) == decisions(whole)


def test_racing_saves_trainings_and_keeps_the_winner(tmp_path: Path) -> None:
    ends = {}
    for racing in (False, True):
        folder = tmp_path / str(racing)
        run(driver(folder, request(racing=racing, **SEARCH)), work=apart)
        state = RunState().after(events(folder))
        there = [trial for trial in state.trials.values() if len(trial.finalist) == 4]
        winner = max(there, key=lambda trial: trial.finalist_mean)
        ends[racing] = (winner.number, sum(len(trial.finalist) for trial in state.trials.values()))
    assert ends[True][0] == ends[False][0]
    assert ends[True][1] < ends[False][1]


def test_where_jobs_are_fused_all_seeds_of_a_finalist_may_start_at_once() -> None:
    lines = [*ended([0.7]), Chosen(numbers=(5, 0), seeds=SEEDS), finalist(0, 12, 0.5)]
    step = final_action(state_of(*lines, budget=BUDGET, presets=PRESETS, gpus=1), Chosen(numbers=(5, 0), seeds=SEEDS))
    assert isinstance(step, Train)
    assert [(job.number, job.seed) for job in step.jobs] == [(5, 11), (5, 12), (5, 13), (0, 11), (0, 13)]
