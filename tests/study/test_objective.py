"""What a search maximises: each aim's values, the orders that follow, and what is no aim."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

import pytest
from study_fixtures import FUNNEL, finalist, proposed, scored, state_of

from mtl_nas.errors import RunError
from mtl_nas.record import Event, Failed, Promoted
from mtl_nas.settings import Aim
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.search_state import SearchState


def objective(*aims: Aim) -> Objective:
    return Objective(aims, {task.name: task.main_metric for task in FUNNEL.tasks})


def state(*events: Event, aims: tuple[Aim, ...] = ("mean",)) -> SearchState:
    return state_of(*events, objective=objective(*aims))


def tasks(click: float, buy: float | None) -> dict[str, Any]:
    return {"scores": {"click": {"auc": click, "logloss": -9.0}, "buy": {"auc": buy}}}


LINES: list[Event] = [
    proposed(0, origin="preset:single_task", parameters=100, macs=7),
    proposed(1, parameters=300, macs=5),
    proposed(2, parameters=200, macs=6),
    scored(0, 0, 0.70, **tasks(0.80, 0.60), latency_ms=3.0),
    scored(1, 0, 0.73, **tasks(0.79, 0.67), latency_ms=1.5),
    scored(2, 0, 0.72, **tasks(0.81, 0.63), latency_ms=2.0),
]


def values(*aims: Aim, lines: Sequence[Event] = LINES) -> list[tuple[float, ...]]:
    searched = state(*lines, aims=aims)
    return [searched.values(trial, 0) for trial in searched.trials.values()]


def order(*aims: Aim, lines: Sequence[Event] = LINES) -> list[int]:
    searched = state(*lines, aims=aims)
    return [trial.number for trial in searched.ordered(searched.trials.values(), 0)]


# Values


@pytest.mark.parametrize(
    ("aim", "expected"),
    [
        ("mean", [0.70, 0.73, 0.72]),
        ("worst", [0.00, -0.01, 0.01]),
        ("click", [0.80, 0.79, 0.81]),
        ("buy", [0.60, 0.67, 0.63]),
        ({"click": 1.0, "buy": 3.0}, [0.65, 0.70, 0.675]),
        ({"buy": 2.0}, [0.60, 0.67, 0.63]),
    ],
    ids=str,
)
def test_each_aim_has_its_value(aim: Aim, expected: list[float]) -> None:
    assert values(aim) == [(pytest.approx(value),) for value in expected]
    assert order(aim) == sorted(range(3), key=lambda number: -expected[number])


@pytest.mark.parametrize(
    ("cost", "expected"),
    [("parameters", [-100, -300, -200]), ("macs", [-7, -5, -6]), ("latency_ms", [-3.0, -1.5, -2.0])],
)
def test_a_cost_is_minimised(cost: str, expected: list[float]) -> None:
    assert [two for _, two in values("mean", cost)] == expected


def test_the_worst_gain_is_measured_against_the_baseline_at_the_same_rung() -> None:
    above = [scored(0, 1, 0.9, **tasks(0.90, 0.90)), scored(1, 1, 0.9, **tasks(0.89, 0.95))]
    searched = state(*LINES, *above, aims=("worst",))
    assert searched.values(searched.trials[1], 1) == (pytest.approx(-0.01),)
    assert searched.values(searched.trials[1], 0) == (pytest.approx(-0.01),)
    assert searched.values(searched.trials[0], 1) == (0.0,)


def test_without_a_baseline_the_worst_task_counts() -> None:
    assert values("worst", lines=[proposed(0), scored(0, 0, 0.7, **tasks(0.8, 0.6))]) == [(0.6,)]


def test_a_task_without_a_score_is_left_out() -> None:
    lines = [*LINES, proposed(3), scored(3, 0, 0.9, **tasks(0.85, None))]
    assert values("worst", lines=lines)[3] == (pytest.approx(0.05),)
    assert values({"click": 1.0, "buy": 9.0}, lines=lines)[3] == (pytest.approx(0.85),)


def test_a_value_is_the_mean_over_the_seeds_that_reached_the_rung() -> None:
    again = proposed(3, proposal_key="p1", duplicate_of=1, replicate=1, parameters=300)
    lines = [*LINES, again, scored(3, 0, 0.63, **tasks(0.69, 0.57)), scored(1, 1, 0.8)]
    for number in (1, 3):
        assert values("mean", "click", lines=lines)[number] == (pytest.approx(0.68), pytest.approx(0.74))
        assert state(*lines).values(state(*lines).trials[number], 1) == (0.8,)


# Orders


def test_of_equal_values_the_earlier_trial_comes_first_whatever_the_order_in_which_they_are_given() -> None:
    searched = state(*(proposed(number) for number in range(4)), *(scored(number, 0, 0.5) for number in range(4)))
    trials = list(searched.trials.values())
    assert [trial.number for trial in searched.ordered(reversed(trials), 0)] == [0, 1, 2, 3]


def test_several_aims_order_by_front_and_then_by_room() -> None:
    lines: list[Event] = []
    for number, (score, parameters) in enumerate([(0.5, 10), (0.6, 20), (0.61, 22), (0.9, 40), (0.55, 30)]):
        lines += [proposed(number, parameters=parameters), scored(number, 0, score)]
    ranking = order("mean", "parameters", lines=lines)
    assert ranking == [0, 3, 2, 1, 4]  # the ends, the two between by room, the dominated one


def test_who_came_furthest_is_first_and_there_the_best() -> None:
    searched = state(*LINES, Promoted(number=0, rung=1, reason=""), scored(0, 1, 0.1))
    ranking = searched.furthest_first(searched.trials.values())
    assert [trial.number for trial in ranking] == [0, 1, 2]


def test_trials_without_a_score_are_in_no_order() -> None:
    failed = Failed(number=3, rung=0, failure="diverged", reason="")
    searched = state(*LINES, proposed(3), failed)
    assert len(searched.furthest_first(searched.trials.values())) == 3


def test_a_finalist_is_valued_against_the_baseline_on_the_same_seed() -> None:
    finalists = [
        finalist(0, 11, 0.7, **tasks(0.80, 0.60)),
        finalist(0, 12, 0.7, **tasks(0.70, 0.50)),
        finalist(1, 11, 0.7, **tasks(0.82, 0.61)),
        finalist(1, 12, 0.7, **tasks(0.69, 0.58)),
    ]
    searched = state(*LINES, *finalists, aims=("worst",))
    worst = [searched.final_values(searched.trials[1], seed) for seed in (11, 12)]
    assert worst == [(pytest.approx(0.01),), (pytest.approx(-0.01),)]
    trial = searched.trials[1]
    assert fmean(searched.final_values(trial, seed)[0] for seed in trial.finalist) == pytest.approx(0.0)
    searched = state(*LINES, *finalists, aims=("mean", "parameters"))
    assert searched.final_values(searched.trials[1], 11)[0] == 0.7


# What a training keeps its best check by


@pytest.mark.parametrize(
    ("aims", "weights"),
    [
        (("mean",), {}),
        (("worst",), {}),
        (("buy",), {"buy": 1.0}),
        (({"click": 1.0, "buy": 3.0},), {"click": 1.0, "buy": 3.0}),
        (("buy", "parameters"), {"buy": 1.0}),
        (("click", "buy"), {}),
    ],
    ids=str,
)
def test_the_best_check_is_kept_by_the_tasks_that_the_search_is_for(
    aims: tuple[Aim, ...], weights: dict[str, float]
) -> None:
    assert objective(*aims).task_weights == weights
    assert objective(*aims).single == (len(aims) == 1)


# Errors


@pytest.mark.parametrize(
    ("aims", "message"),
    [
        (
            ("clik",),
            "no objective 'clik'; did you mean 'click'?; "
            "there are mean, worst, click, buy, parameters, macs, latency_ms, and weights by task",
        ),
        (("mean", "bye"), "no objective 'bye'; did you mean 'buy'?; there are "),
        (({"click": 1.0, "bye": 1.0},), "no objective 'bye'"),
        (({"mean": 1.0},), "no objective 'mean'"),
        (({"click": -1.0, "buy": 2.0},), "weights are not negative and not all zero, got {'click': -1.0, 'buy': 2.0}"),
        (({"click": 0.0},), "weights are not negative and not all zero, got {'click': 0.0}"),
        (({},), "weights are not negative and not all zero, got {}"),
        ((), "an objective besides costs is needed, got []; add mean"),
        (("parameters",), "an objective besides costs is needed, got ['parameters']; add mean"),
        (("parameters", "latency_ms"), "an objective besides costs is needed"),
    ],
    ids=str,
)
def test_what_is_no_aim_is_refused_on_one_line(aims: tuple[Aim, ...], message: str) -> None:
    with pytest.raises(RunError) as problem:
        objective(*aims)
    assert message in str(problem.value)
    assert "\n" not in str(problem.value)


def test_the_front_is_of_finalists_that_no_other_beats_in_every_aim() -> None:
    lines = [
        event
        for number in range(3)
        for event in (proposed(number, parameters=(10, 20, 30)[number]), scored(number, 1, 0.5))
    ]
    finals = [finalist(number, 1, score) for number, score in enumerate((0.7, 0.6, 0.8))]
    numbers = [trial.number for trial in state(*lines, *finals, aims=("mean", "parameters")).front()]
    assert numbers == [0, 2]
    assert [trial.number for trial in state(*lines, *finals).front()] == [2]
