"""Fronts and ranks against their definitions, spelled out pair by pair."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_nas.study.objectives.pareto import crowding, fronts, ranked

Point = tuple[float, ...]
FEW = st.integers(0, 4).map(float)  # so that points tie


def points(width: int) -> st.SearchStrategy[list[Point]]:
    return st.lists(st.tuples(*[FEW] * width), max_size=14)


POINTS = st.integers(1, 3).flatmap(points)
FULL = POINTS.filter(bool)


def dominates(one: Point, other: Point) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


def peeled(values: Sequence[Point]) -> list[list[int]]:
    """What nothing that remains dominates, again and again."""
    remaining, layers = list(range(len(values))), []
    while remaining:
        free = [here for here in remaining if not any(dominates(values[there], values[here]) for there in remaining)]
        layers.append(free)
        remaining = [place for place in remaining if place not in free]
    return layers


@settings(max_examples=150, deadline=None)
@given(POINTS)
def test_fronts_are_what_is_left_undominated_again_and_again(values: list[Point]) -> None:
    assert fronts(values) == peeled(values)


@settings(max_examples=100, deadline=None)
@given(FULL)
def test_every_member_of_a_later_front_is_dominated_by_one_of_the_front_before(values: list[Point]) -> None:
    for before, after in pairwise(fronts(values)):
        assert all(any(dominates(values[there], values[here]) for there in before) for here in after)


@settings(max_examples=100, deadline=None)
@given(FULL)
def test_ranks_hold_every_place_once_and_go_front_by_front(values: list[Point]) -> None:
    order = ranked(values)
    assert sorted(order) == list(range(len(values)))
    front_of = {place: index for index, front in enumerate(fronts(values)) for place in front}
    assert [front_of[place] for place in order] == sorted(front_of.values())


@settings(max_examples=100, deadline=None)
@given(FULL)
def test_in_a_front_the_ends_come_first_and_then_those_with_room(values: list[Point]) -> None:
    if len(values[0]) == 1:
        return
    order = ranked(values)
    for front in fronts(values):
        room = dict(zip(front, crowding([values[place] for place in front]), strict=True))
        ranking = [place for place in order if place in room]
        assert ranking == sorted(front, key=lambda place: (-room[place], place))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(FEW), min_size=1, max_size=14))
def test_of_one_objective_ranks_are_by_value_and_of_equal_ones_the_earlier_is_first(values: list[Point]) -> None:
    assert ranked(values) == sorted(range(len(values)), key=lambda place: (-values[place][0], place))


@settings(max_examples=60, deadline=None)
@given(FULL, st.randoms(use_true_random=False))
def test_fronts_do_not_depend_on_the_order_of_points(values: list[Point], dice: object) -> None:
    places = list(range(len(values)))
    dice.shuffle(places)  # type: ignore[attr-defined]
    shuffled = [{places[place] for place in front} for front in fronts([values[place] for place in places])]
    assert shuffled == [set(front) for front in fronts(values)]


def test_crowding_is_the_width_of_the_gap_around_a_point_in_each_objective() -> None:
    distances = crowding([(0.0, 10.0), (1.0, 6.0), (4.0, 5.0), (10.0, 0.0)])
    assert distances[0] == distances[3] == math.inf
    assert distances[1] == pytest.approx(4 / 10 + 5 / 10)
    assert distances[2] == pytest.approx(9 / 10 + 6 / 10)


def test_crowding_does_not_depend_on_the_units_of_an_objective() -> None:
    values = [(0.0, 10.0), (1.0, 6.0), (4.0, 5.0), (10.0, 0.0)]
    scaled = [(one, 1e6 * other - 3) for one, other in values]
    np.testing.assert_allclose(crowding(scaled), crowding(values))


def test_one_point_two_points_and_an_objective_that_is_the_same_everywhere() -> None:
    assert list(crowding([(1.0, 2.0)])) == [math.inf]
    assert list(crowding([(1.0, 2.0), (2.0, 1.0)])) == [math.inf, math.inf]
    assert np.isfinite(crowding([(1.0, 5.0), (2.0, 5.0), (4.0, 5.0), (5.0, 5.0)])[1:3]).all()
    assert (fronts([]), ranked([])) == ([], [])
