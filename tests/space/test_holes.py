"""The holes of a space: what they start at, what they refuse, and what fills them."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mtl_nas.errors import SpaceError
from mtl_nas.space import (
    SWITCH,
    Choice,
    Defaults,
    Domain,
    EachTask,
    Enumerate,
    Float,
    Int,
    Maybe,
    Random,
    Repeat,
    Replay,
    Subset,
    load_space,
)
from mtl_nas.space.deciders import Corner

DOMAINS = (
    Int(2, 5),
    Int(-3, 3, default=0),
    Int(7, 7),
    Float(0.0, 0.5),
    Float(-1.0, 1.0, default=0.25),
    Float(1e-4, 1e-2, log=True),
    Float(0.5, 0.5),
    Choice(("a", "b", "c")),
    SWITCH,
)

REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "an empty int": (lambda: Int(3, 1), "an int needs low <= high, got low=3, high=1"),
    "a fractional int": (
        lambda: Int(1, 2.5),  # type: ignore[arg-type]
        "an int needs whole numbers low and high, got low=1, high=2.5",
    ),
    "a boolean int": (lambda: Int(False, 3), "an int needs whole numbers low and high, got low=False, high=3"),
    "an int off its range": (
        lambda: Int(1, 3, default=4),
        "the default of an int is a whole number in its range [1, 3], got 4",
    ),
    "an int from text": (
        lambda: Int(1, 3, default="2"),  # type: ignore[arg-type]
        "the default of an int is a whole number in its range [1, 3], got '2'",
    ),
    "an int that starts between": (
        lambda: Int(1, 3, default=1.5),  # type: ignore[arg-type]
        "the default of an int is a whole number in its range [1, 3], got 1.5",
    ),
    "an empty float": (lambda: Float(0.2, 0.1), "a float needs low <= high, got low=0.2, high=0.1"),
    "a float off its range": (
        lambda: Float(0.0, 1.0, default=2.0),
        "the default of a float is a number in its range [0.0, 1.0], got 2.0",
    ),
    "a logarithm of zero": (lambda: Float(0.0, 1.0, log=True), "a float with log needs low > 0, got low=0.0"),
    "an infinite float": (
        lambda: Float(0.0, math.inf),
        "a float needs numbers low and high, got low=0.0, high=inf",
    ),
    "a choice of nothing": (lambda: Choice(()), "a choice needs an option, got none"),
    "a subset of a word": (lambda: Subset("tasks"), "a subset takes a list or task_pairs, got 'tasks'"),
    "a subset that is too large": (
        lambda: Subset(("a", "b"), min=3),
        "a subset needs 0 <= min <= the number of items, got min=3 of 2",
    ),
    "a subset below nothing": (
        lambda: Subset(("a", "b"), min=-1),
        "a subset needs 0 <= min <= the number of items, got min=-1 of 2",
    ),
    "a subset with twins": (lambda: Subset(("a", "b", "a")), "the items of a subset must differ, got 'a' twice"),
    "an empty repeat": (lambda: Repeat(2, 1, of=8), "a repeat needs low <= high, got low=2, high=1"),
    "a repeat below nothing": (lambda: Repeat(-1, 1, of=8), "a repeat needs low >= 0, got low=-1"),
    "a fractional repeat": (
        lambda: Repeat(1, 2.5, of=8),  # type: ignore[arg-type]
        "a repeat needs whole numbers low and high, got low=1, high=2.5",
    ),
    "a repeat off its range": (
        lambda: Repeat(0, 2, of=8, default=3),
        "the default of a repeat is a whole number in its range [0, 2], got 3",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_hole_that_nothing_can_fill_is_refused_with_its_rule_and_value(name: str) -> None:
    make, message = REFUSED[name]
    with pytest.raises(SpaceError) as problem:
        make()
    assert str(problem.value) == message


def test_a_hole_starts_at_its_default_or_at_a_natural_place() -> None:
    assert Int(2, 5).start == 2
    assert Int(2, 5, default=4).start == 4
    assert Float(1.0, 2.0).start == 1.5
    assert Float(1e-4, 1e-2, log=True).start == pytest.approx(1e-3)
    assert Float(1e-4, 1e-2, default=5e-3).start == 5e-3
    assert Choice(("a", "b")).start == 0
    assert Repeat(1, 3, of=8).count == Int(1, 3)
    assert Repeat(1, 3, of=8, default=2).count.start == 2
    assert (Subset(("a", "b")).min, Maybe(8).of, EachTask(8).of) == (0, 8, 8)


def test_what_a_hole_allows_is_of_its_type_and_in_its_range() -> None:
    assert [value for value in (1, 2, 5, 6, 2.0, True) if Int(2, 5).allows(value)] == [2, 5]
    assert [value for value in (-0.1, 0.0, 0.5, 1, 1.1) if Float(0.0, 1.0).allows(value)] == [0.0, 0.5, 1]
    assert [value for value in (-1, 0, 1, 2, True, 1.0) if type(value) is int and SWITCH.allows(value)] == [0, 1]
    assert not SWITCH.allows(True)
    assert not SWITCH.allows(1.0)
    assert not Float(0.0, 1.0).allows(math.nan)


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
def test_every_decider_fills_every_hole_with_what_it_allows(domain: Domain) -> None:
    deciders = (Defaults(), Corner(high=False), Corner(high=True), Enumerate(), *(Random(seed) for seed in range(20)))
    for decider in deciders:
        assert domain.allows(decider.choose("x", domain))


@pytest.mark.parametrize("domain", DOMAINS, ids=repr)
def test_equal_seeds_draw_equally(domain: Domain) -> None:
    first, again, other = ([decider.choose("x", domain) for _ in range(20)] for decider in map(Random, "aab"))
    assert first == again
    assert first != other or len(set(first)) == 1


def test_random_draws_cover_a_hole_evenly() -> None:
    decider = Random(0)
    ints = Counter(decider.choose("x", Int(1, 4)) for _ in range(4000))
    assert set(ints) == {1, 2, 3, 4}
    assert min(ints.values()) > 900
    magnitudes = Counter(math.floor(math.log10(decider.choose("x", Float(1e-4, 1e-1, log=True)))) for _ in range(3000))
    assert set(magnitudes) == {-4, -3, -2}
    assert min(magnitudes.values()) > 900
    assert len({decider.choose("x", Choice(("a", "b", "c"))) for _ in range(100)}) == 3


def test_the_ends_are_the_corners_of_a_space() -> None:
    low, high = Corner(high=False), Corner(high=True)
    assert (low.choose("x", Int(2, 5)), high.choose("x", Int(2, 5))) == (2, 5)
    assert (low.choose("x", Float(0.1, 0.9)), high.choose("x", Float(0.1, 0.9))) == (0.1, 0.9)
    assert (low.choose("x", Choice("abc")), high.choose("x", Choice("abc"))) == (0, 2)  # type: ignore[arg-type]


def test_a_replay_repeats_decisions_and_refuses_what_it_does_not_know() -> None:
    replay = Replay({"experts": 3, "hidden": 9})
    assert replay.choose("experts", Int(1, 4)) == 3
    with pytest.raises(SpaceError, match=r"^cannot replay: no decision for 'gate'$"):
        replay.choose("gate", SWITCH)
    with pytest.raises(SpaceError, match=r"^cannot replay: 9 is outside 'hidden'$"):
        replay.choose("hidden", Choice(("a", "b")))


def test_another_decider_fills_what_a_replay_does_not_know() -> None:
    replay = Replay({"experts": 3, "hidden": 9}, otherwise=Defaults())
    assert replay.choose("experts", Int(1, 4)) == 3
    assert replay.choose("hidden", Int(1, 4)) == 1
    assert replay.choose("gate", SWITCH) == 0


def test_a_space_of_endless_proposals_is_refused_before_one_is_made() -> None:
    level = {"shared": 1}
    with pytest.raises(SpaceError, match=r"design.levels: a repeat makes a list of at most 1,000 copies"):
        load_space({"design": {"levels": {"repeat": [1, 1_000_000], "of": level}}})
    hidden = {"expert": {"hidden": {"repeat": [1, 1000], "of": 8}}}
    with pytest.raises(SpaceError, match=r"a proposal has at most 100,000 values, and this space allows 1,\d+,\d+"):
        load_space({"design": {"levels": {"repeat": [1, 1000], "of": hidden}}})
