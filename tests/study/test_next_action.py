"""What a run does next, at states made by hand."""

from collections.abc import Sequence

import pytest
from study_fixtures import action_after_selection, finalist, proposed, scored, state_of

from mtl_nas.record import Budget, Chosen, Closed, Event, Failed, Promoted, Stopped
from mtl_nas.study.jobs import Job, seed_of
from mtl_nas.study.schedule.actions import Decide, Finish, Propose, Train
from mtl_nas.study.schedule.budget import final_stage
from mtl_nas.study.schedule.finalists import choose_finalists, fewer_finalists
from mtl_nas.study.schedule.leftover_budget import MOST_SEEDS

BUDGET = Budget(trials=8, rungs=(0.25, 1.0), reduction=2.0, cohort=4, finalists=2, seeds=2)
PRESETS = ("single_task", "ple")
SEED = 5


def step(events: Sequence[Event], *, budget: Budget = BUDGET, presets: Sequence[str] = ()) -> object:
    return action_after_selection(state_of(*events, budget=budget, presets=presets, seed=SEED))


def jobs(events: Sequence[Event], *, budget: Budget = BUDGET, presets: Sequence[str] = ()) -> tuple[Job, ...]:
    taken = step(events, budget=budget, presets=presets)
    assert isinstance(taken, Train)
    return taken.jobs


def decided(events: Sequence[Event], *, budget: Budget = BUDGET, presets: Sequence[str] = ()) -> tuple[Event, ...]:
    taken = step(events, budget=budget, presets=presets)
    assert isinstance(taken, Decide)
    return taken.events


def trials(count: int, *, presets: Sequence[str] = ()) -> list[Event]:
    origins = [f"preset:{name}" for name in presets] + ["random"] * (count - len(presets))
    return [proposed(number, origin=origin) for number, origin in enumerate(origins)]


def at_rung(rung: int, *scores: float | None) -> list[Event]:
    return [scored(number, rung, score) for number, score in enumerate(scores) if score is not None]


def promoted(*numbers: int, rung: int = 1) -> list[Event]:
    return [Promoted(number=number, rung=rung, reason="") for number in numbers]


def stopped(*numbers: int, rung: int = 0) -> list[Event]:
    return [Stopped(number=number, rung=rung, reason="") for number in numbers]


def lost(number: int, rung: int = 0, seed: int | None = None) -> Failed:
    return Failed(number=number, rung=rung, failure="lost", reason="the worker died", seed=seed)


def diverged(number: int, rung: int = 0, seed: int | None = None) -> Failed:
    return Failed(number=number, rung=rung, failure="diverged", reason="not finite", seed=seed)


# Proposals


def test_presets_are_asked_for_first_and_in_order() -> None:
    assert step([], presets=PRESETS) == Propose("preset:single_task")
    assert step(trials(1, presets=PRESETS[:1]), presets=PRESETS) == Propose("preset:ple")
    assert step(trials(2, presets=PRESETS), presets=PRESETS) == Propose()


def test_a_cohort_is_proposed_before_any_of_it_is_trained() -> None:
    for count in range(2, 4):
        assert step(trials(count, presets=PRESETS), presets=PRESETS) == Propose()
    assert [job.number for job in jobs(trials(4, presets=PRESETS), presets=PRESETS)] == [0, 1, 2, 3]


def test_presets_that_fill_a_cohort_are_the_first_one() -> None:
    four = ("single_task", "ple", "mmoe", "cgc")
    assert [job.number for job in jobs(trials(4, presets=four), presets=four)] == [0, 1, 2, 3]


def test_a_budget_below_the_presets_still_trains_them_all() -> None:
    small = BUDGET.model_copy(update={"trials": 1})
    assert step(trials(1, presets=PRESETS[:1]), budget=small, presets=PRESETS) == Propose("preset:ple")
    assert len(jobs(trials(2, presets=PRESETS), budget=small, presets=PRESETS)) == 2


def test_the_last_cohort_ends_at_the_budget() -> None:
    small = BUDGET.model_copy(update={"trials": 6})
    first = [*trials(4), *at_rung(0, 0.4, 0.3, 0.2, 0.1), *promoted(0, 1), *stopped(2, 3), *at_rung(1, 0.5, 0.4)]
    assert step(first, budget=small) == Propose()
    assert step([*first, proposed(4)], budget=small) == Propose()
    assert [job.number for job in jobs([*first, proposed(4), proposed(5)], budget=small)] == [4, 5]


def test_duplicates_do_not_count_as_trials() -> None:
    repeats = [proposed(number, duplicate_of=0) for number in (1, 2, 3)]
    assert step([proposed(0), *repeats]) == Propose()
    events = [proposed(0), *repeats, *(proposed(number) for number in (4, 5, 6))]
    assert [job.number for job in jobs(events)] == [0, 4, 5, 6]


def test_after_closing_nothing_is_proposed_and_what_runs_is_finished() -> None:
    closed = Closed(reason="time")
    assert [job.number for job in jobs([*trials(2), closed])] == [0, 1]
    assert len(decided([*trials(2), closed, *at_rung(0, 0.5, 0.4)])) == 2
    ended = [*trials(1), closed, *at_rung(0, 0.5), *promoted(0), *at_rung(1, 0.6)]
    assert isinstance(decided(ended)[0], Chosen)
    assert isinstance(decided([*trials(1, presets=PRESETS[:1]), closed, diverged(0)], presets=PRESETS)[0], Chosen)


# Jobs


def test_a_job_says_what_to_train_from_where_and_whether_more_may_come() -> None:
    first = jobs(trials(4))[0]
    assert (first.kind, first.rung, first.share, first.from_rung, first.keep_state) == ("trial", 0, 0.25, None, True)
    second = jobs([*trials(4), *at_rung(0, 0.4, 0.3, 0.2, 0.1), *promoted(0, 1), *stopped(2, 3)])[0]
    assert (second.number, second.rung, second.share, second.from_rung, second.keep_state) == (0, 1, 1.0, 0, False)
    assert first.seed == second.seed == seed_of(SEED, "train", "p0")
    assert len({job.seed for job in jobs(trials(4))}) == 4


def test_what_has_not_arrived_is_asked_for_again_and_nothing_is_decided() -> None:
    assert [job.number for job in jobs([*trials(4), *at_rung(0, 0.4, None, 0.2, None)])] == [1, 3]


def test_a_trial_whose_worker_was_lost_once_runs_again_under_its_number() -> None:
    before = jobs(trials(4))
    assert jobs([*trials(4), lost(2)]) == before
    assert [job.number for job in jobs([*trials(4), lost(2), lost(2)])] == [0, 1, 3]
    assert [job.number for job in jobs([*trials(4), diverged(2)])] == [0, 1, 3]


# Barriers


def test_the_best_of_all_that_reached_a_rung_go_on_and_every_decision_has_its_reason() -> None:
    decisions = decided([*trials(4), *at_rung(0, 0.1, 0.4, 0.2, 0.3)])
    assert decisions == (
        Stopped(number=0, rung=0, reason="below cut 0.3000 (rank 4 of 4 at rung 0)"),
        Promoted(number=1, rung=1, reason="within cut 0.3000 (rank 1 of 4 at rung 0)"),
        Stopped(number=2, rung=0, reason="below cut 0.3000 (rank 3 of 4 at rung 0)"),
        Promoted(number=3, rung=1, reason="within cut 0.3000 (rank 2 of 4 at rung 0)"),
    )


def test_the_order_of_arrival_decides_nothing() -> None:
    arrived = at_rung(0, 0.1, 0.4, 0.2, 0.4)
    assert decided([*trials(4), *arrived]) == decided([*trials(4), *reversed(arrived)])


def test_of_equal_scores_the_earlier_trial_goes_on() -> None:
    decisions = decided([*trials(4), *at_rung(0, 0.3, 0.3, 0.3, 0.3)])
    assert [event.event for event in decisions] == ["promoted", "promoted", "stopped", "stopped"]


def test_the_best_preset_and_the_baseline_are_never_cut() -> None:
    names = ("mmoe", "single_task", "ple")
    decisions = decided(
        [*trials(7, presets=names), *at_rung(0, 0.2, 0.1, 0.3, 0.9, 0.8, 0.7, 0.6)],
        presets=names,
        budget=BUDGET.model_copy(update={"reduction": 3.0}),
    )
    assert decisions[:3] == (
        Stopped(number=0, rung=0, reason="below cut 0.7000 (rank 6 of 7 at rung 0)"),
        Promoted(number=1, rung=1, reason="the baseline of gain (rank 7 of 7 at rung 0)"),
        Promoted(number=2, rung=1, reason="the best preset (rank 5 of 7 at rung 0)"),
    )


def test_a_later_cohort_is_measured_against_all_before_it() -> None:
    first = [*trials(4), *at_rung(0, 0.4, 0.3, 0.2, 0.1), *promoted(0, 1), *stopped(2, 3), *at_rung(1, 0.5, 0.4)]
    second = [proposed(number) for number in (4, 5, 6, 7)]
    arrived = [scored(4, 0, 0.35), scored(5, 0, 0.15), scored(6, 0, 0.05), scored(7, 0, 0.25)]
    decisions = decided([*first, *second, *arrived])
    assert [(event.event, event.reason) for event in decisions if not isinstance(event, Chosen)] == [  # type: ignore[union-attr]
        ("promoted", "within cut 0.2500 (rank 2 of 8 at rung 0)"),
        ("stopped", "below cut 0.2500 (rank 6 of 8 at rung 0)"),
        ("stopped", "below cut 0.2500 (rank 8 of 8 at rung 0)"),
        ("promoted", "within cut 0.2500 (rank 4 of 8 at rung 0)"),
    ]


def test_each_rung_has_its_barrier() -> None:
    three = BUDGET.model_copy(update={"rungs": (0.25, 0.5, 1.0), "trials": 4})
    first = [*trials(4), *at_rung(0, 0.1, 0.2, 0.3, 0.4), *stopped(0, 1), *promoted(2, 3)]
    assert [(job.number, job.rung) for job in jobs(first, budget=three)] == [(2, 1), (3, 1)]
    second = [*first, scored(2, 1, 0.6), scored(3, 1, 0.5)]
    assert [event.event for event in decided(second, budget=three)] == ["promoted", "stopped"]
    third = [*second, *promoted(2, rung=2), *stopped(3, rung=1)]
    assert [(job.number, job.rung, job.keep_state) for job in jobs(third, budget=three)] == [(2, 2, False)]
    assert isinstance(decided([*third, scored(2, 2, 0.7)], budget=three)[0], Chosen)


def test_without_rungs_below_the_whole_nothing_is_cut() -> None:
    one = BUDGET.model_copy(update={"rungs": (1.0,), "trials": 4})
    assert all(job.keep_state is False for job in jobs(trials(4), budget=one))
    assert isinstance(decided([*trials(4), *at_rung(0, 0.1, 0.2, 0.3, 0.4)], budget=one)[0], Chosen)


def test_a_trial_that_failed_does_not_hold_up_its_cohort() -> None:
    decisions = decided([*trials(4), *at_rung(0, 0.4, None, 0.2, 0.1), diverged(1)])
    assert [(event.event, getattr(event, "number", None)) for event in decisions] == [
        ("promoted", 0),
        ("promoted", 2),
        ("stopped", 3),
    ]


def test_a_barrier_of_which_half_is_written_is_finished_before_anything_is_trained() -> None:
    before = [*trials(4), *at_rung(0, 0.1, 0.4, 0.2, 0.3)]
    whole = decided(before)
    for written in range(len(whole)):
        assert decided([*before, *whole[:written]]) == whole[written:]


def test_a_barrier_that_the_work_left_cuts_short_is_finished_as_it_was_begun() -> None:
    """What is promoted before a kill has been paid for after it, baseline and best preset included."""
    for trainings in (10.0, 11.0, 12.0, 13.0, 14.0):
        bound = BUDGET.model_copy(update={"trainings": trainings, "reduction": 1.5, "cohort": 6})
        before = trials(8, presets=PRESETS)
        before += [scored(number, 0, score) for number, score in enumerate((0.1, 0.2, 0.9, 0.5, 0.6, 0.7, 0.3, 0.8))]
        plan = {"budget": bound, "presets": PRESETS, "seed": SEED, "full_rows": 400}
        whole = action_after_selection(state_of(*before, **plan))
        assert isinstance(whole, Decide)
        for written in range(len(whole.events)):
            half = state_of(*before, *whole.events[:written], **plan)
            assert action_after_selection(half) == Decide(whole.events[written:])


def test_promotions_end_with_the_work_and_say_so_and_the_baseline_goes_on() -> None:
    bound = BUDGET.model_copy(update={"trainings": 10.0, "reduction": 1.5, "cohort": 6})
    before = [*trials(8, presets=PRESETS), *at_rung(0, 0.1, 0.2, 0.9, 0.5, 0.6, 0.7, 0.3, 0.8)]
    action = action_after_selection(state_of(*before, budget=bound, presets=PRESETS, seed=SEED, full_rows=800))
    assert isinstance(action, Decide)
    reasons = {event.number: event.reason for event in action.events}  # type: ignore[union-attr]
    assert reasons[0] == "the baseline of gain (rank 8 of 8 at rung 0)"
    assert reasons[3] == "no work is left for it (rank 5 of 8 at rung 0)"
    assert reasons[2].startswith("within cut")


def replicate(number: int, of: int) -> Event:
    return proposed(number, proposal_key=f"p{of}", duplicate_of=of, replicate=1)


def test_a_replicate_goes_where_the_mean_over_seeds_goes() -> None:
    decisions = decided([*trials(3), replicate(3, of=0), *at_rung(0, 0.2, 0.5, 0.4, 0.9)])
    assert [(event.event, event.reason) for event in decisions] == [  # type: ignore[union-attr]
        ("promoted", "within cut 0.5000 (rank 1 of 3 at rung 0)"),
        ("promoted", "within cut 0.5000 (rank 2 of 3 at rung 0)"),
        ("stopped", "below cut 0.5000 (rank 3 of 3 at rung 0)"),
        ("promoted", "within cut 0.5000 (rank 1 of 3 at rung 0)"),
    ]


def test_a_replicate_of_a_trial_that_failed_or_was_stopped_is_compared_by_itself() -> None:
    decisions = decided([*trials(3), replicate(3, of=0), diverged(0), *at_rung(0, None, 0.5, 0.4, 0.9)])
    assert [(event.number, event.event) for event in decisions] == [(1, "promoted"), (2, "stopped"), (3, "promoted")]  # type: ignore[union-attr]
    three = BUDGET.model_copy(update={"rungs": (0.25, 0.5, 1.0), "cohort": 2, "trials": 4})
    first = [*trials(2), *at_rung(0, 0.1, 0.2), *stopped(0), *promoted(1), scored(1, 1, 0.3), *promoted(1, rung=2)]
    second = [scored(1, 2, 0.4), replicate(2, of=0), proposed(3), scored(2, 0, 0.9), scored(3, 0, 0.0)]
    third = [*promoted(2), *stopped(3), scored(2, 1, 0.8)]
    (last,) = decided([*first, *second, *third], budget=three)
    assert (last.event, last.reason) == ("promoted", "within cut 0.8000 (rank 1 of 2 at rung 1)")  # type: ignore[union-attr]


# Finalists


def ended(*scores: float, presets: Sequence[str] = ()) -> list[Event]:
    """All trained to the end."""
    count = len(scores)
    return [*trials(count, presets=presets), *at_rung(0, *scores), *promoted(*range(count)), *at_rung(1, *scores)]


def test_the_finalists_are_the_best_and_every_preset_on_fresh_seeds() -> None:
    chosen = choose_finalists(state_of(*ended(0.1, 0.2, 0.5, 0.6, 0.4, 0.3, presets=PRESETS), budget=BUDGET, seed=SEED))
    assert chosen.numbers == (3, 2, 0, 1)
    assert chosen.seeds == tuple(seed_of(SEED, "finalist", place) for place in range(2))
    trained = {seed_of(SEED, "train", f"p{number}") for number in range(6)}
    assert not trained & set(chosen.seeds)


def test_a_preset_that_was_stopped_is_a_finalist_and_one_that_failed_is_not() -> None:
    names = ("single_task", "mmoe", "ple")
    events = [*trials(4, presets=names), *at_rung(0, None, 0.1, 0.2, 0.3), diverged(0), *stopped(1), *promoted(2, 3)]
    events += [diverged(2, rung=1), scored(3, 1, 0.4)]
    assert choose_finalists(state_of(*events, budget=BUDGET, seed=SEED)).numbers == (3, 1)


SHORT = BUDGET.model_copy(update={"rungs": (0.25, 0.5, 1.0), "finalists": 3})


def numbers(*events: Event, budget: Budget = SHORT) -> tuple[int, ...]:
    return choose_finalists(state_of(*events, budget=budget, seed=SEED)).numbers


def test_where_no_searched_trial_was_trained_to_the_end_the_two_that_came_furthest_are_finalists() -> None:
    events = [*trials(5, presets=PRESETS[:1]), *at_rung(0, 0.9, 0.5, 0.8, 0.7, 0.6)]
    assert numbers(*events) == (2, 3, 0)
    assert numbers(*events, *promoted(1), scored(1, 1, 0.1)) == (1, 2, 0)
    assert numbers(*events, *promoted(1, 4), scored(1, 1, 0.1), scored(4, 1, 0.2)) == (4, 1, 0)


def test_two_searched_trials_at_the_end_are_enough_and_one_is_not() -> None:
    events = [*trials(4), *at_rung(0, 0.5, 0.6, 0.7, 0.8), *promoted(0, 1), scored(0, 1, 0.5), scored(1, 1, 0.6)]
    assert numbers(*events, *promoted(0, rung=2), scored(0, 2, 0.1)) == (0, 1)
    assert numbers(*events, *promoted(0, 1, rung=2), scored(0, 2, 0.1), scored(1, 2, 0.2)) == (1, 0)


def test_finalists_from_lower_rungs_keep_to_the_budget_and_a_trial_that_failed_is_none() -> None:
    events = [*trials(3), *at_rung(0, 0.5, 0.6, 0.7)]
    assert numbers(*events, budget=SHORT.model_copy(update={"finalists": 1})) == (2,)
    assert numbers(*events, *promoted(2), diverged(2, rung=1)) == (1, 0)
    assert numbers(*trials(1), *at_rung(0, 0.5)) == (0,)


def test_where_everything_failed_there_are_no_finalists_and_the_run_ends() -> None:
    events = [*trials(4), *(diverged(number) for number in range(4)), Closed(reason="")]
    assert decided(events) == (Chosen(numbers=(), seeds=tuple(seed_of(SEED, "finalist", place) for place in range(2))),)
    assert step([*events, Chosen(numbers=(), seeds=(1,))]) == Finish()


def test_every_finalist_is_trained_from_nothing_on_one_seed_after_the_other() -> None:
    events = [*ended(0.1, 0.2, 0.3, 0.4), Chosen(numbers=(3, 2), seeds=(11, 12))]
    made = (*jobs(events), *jobs([*events, finalist(3, 11), finalist(2, 11)]))
    assert [(job.number, job.seed) for job in made] == [(3, 11), (2, 11), (3, 12), (2, 12)]
    assert {(job.kind, job.share, job.from_rung, job.keep_state) for job in made} == {("finalist", 1.0, None, False)}
    rest = jobs([*events, finalist(3, 11), finalist(2, 12), lost(2, seed=11), diverged(3, seed=12)])
    assert [(job.number, job.seed) for job in rest] == [(2, 11)]
    done = [finalist(3, 11), finalist(2, 11), finalist(2, 12), lost(3, seed=12), lost(3, seed=12)]
    assert step([*events, *done]) == Finish()


@pytest.mark.parametrize(
    ("trainings", "numbers", "seeds"),
    [
        (100.0, (5, 4, 3, 2, 0, 1), 3),
        (18.0, (5, 4, 3, 2, 0, 1), 3),
        (17.9, (5, 4, 3, 2, 0, 1), 2),
        (6.0, (5, 4, 3, 2, 0, 1), 1),
        (5.0, (5, 4, 3, 0, 1), 1),
        (4.0, (5, 4, 0, 1), 1),
        (3.0, (5, 0, 1), 1),
        (0.0, (5, 0, 1), 1),
    ],
)
def test_short_time_takes_seeds_first_then_designs_but_never_what_is_measured_against(
    trainings: float, numbers: tuple[int, ...], seeds: int
) -> None:
    state = state_of(*ended(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, presets=PRESETS))
    wanted = Chosen(numbers=(5, 4, 3, 2, 0, 1), seeds=(11, 12, 13))
    assert fewer_finalists(state, wanted, trainings) == Chosen(numbers=numbers, seeds=wanted.seeds[:seeds])


# What a small space leaves

SMALL_SPACE = Budget(trainings=20, trials=8, rungs=(0.25, 1.0), reduction=2.0, cohort=4)
EXHAUSTED = Closed(reason="every draw was tried before", exhausted=True)


def cut(*more: Event) -> list[Event]:
    first = [*trials(4), *at_rung(0, 0.4, 0.3, 0.2, 0.1), *promoted(0, 1), *stopped(2, 3)]
    return [*first, scored(0, 1, 0.5), scored(1, 1, 0.4), *more]


def left_over(events: Sequence[Event], *, budget: Budget = SMALL_SPACE) -> object:
    return action_after_selection(state_of(*events, budget=budget, seed=SEED, full_rows=10_000))


def test_an_exhausted_space_spends_its_work_on_what_was_cut_the_best_first() -> None:
    promotions = [
        Promoted(number=number, rung=1, reason="the space has nothing new, and work is left for it")
        for number in (2, 3)
    ]
    assert left_over(cut(EXHAUSTED)) == Decide(tuple(promotions))
    training = left_over(cut(EXHAUSTED, *promotions))
    assert isinstance(training, Train)
    assert [(job.number, job.from_rung, job.share) for job in training.jobs] == [(2, 0, 1.0), (3, 0, 1.0)]
    ended = left_over(cut(EXHAUSTED, *promotions, scored(2, 1, 0.9), scored(3, 1, 0.1)))
    assert isinstance(ended, Decide)
    assert isinstance(ended.events[0], Chosen)
    assert ended.events[0].numbers[0] == 2


def test_a_search_whose_time_is_up_takes_nothing_up() -> None:
    for given, budget in ((Closed(reason="time"), SMALL_SPACE), (EXHAUSTED, BUDGET)):  # unbounded: nothing is left over
        ended = left_over(cut(given), budget=budget)
        assert isinstance(ended, Decide)
        assert isinstance(ended.events[0], Chosen)


def test_only_what_the_work_left_allows_is_taken_up() -> None:
    budget = SMALL_SPACE.model_copy(update={"trainings": 4.0})
    state = state_of(*cut(EXHAUSTED))
    finalists, seeds = final_stage(budget)
    for spare, wanted in ((0.7, []), (0.8, [2]), (1.6, [2, 3])):
        full = round(state.rows / (budget.trainings - finalists * seeds - spare))
        taken = action_after_selection(state_of(*cut(EXHAUSTED), budget=budget, seed=SEED, full_rows=full))
        assert isinstance(taken, Decide)
        assert [event.number for event in taken.events if isinstance(event, Promoted)] == wanted


def test_finalists_have_the_seeds_that_the_work_left_allows() -> None:
    everything = cut(EXHAUSTED, *promoted(2, 3), scored(2, 1, 0.9), scored(3, 1, 0.1))
    rows = state_of(*everything).rows
    made = choose_finalists(state_of(*everything, budget=SMALL_SPACE, seed=SEED, full_rows=round(rows / 4)))
    assert len(made.seeds) == int((20 - 4) / len(made.numbers)) > final_stage(SMALL_SPACE)[1]
    huge = SMALL_SPACE.model_copy(update={"trainings": 500.0})
    assert len(choose_finalists(state_of(*everything, budget=huge, seed=SEED, full_rows=rows)).seeds) == MOST_SEEDS
