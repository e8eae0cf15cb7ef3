"""Steps from known decisions to others: redraw some, take parts of two. What no longer fits is drawn anew."""

import math
import random
from collections.abc import Mapping

from mtl_nas.space.deciders import Decider, Decisions, Replay, allowed
from mtl_nas.space.holes import Choice, Decision, Domain, Int
from mtl_nas.space.space import SearchSpace

NEAR = 0.5  # of the steps on a range go to a neighbour
WIDTH = 0.15  # standard deviation of a near step on a range, as a share of it
TRIED = 20  # draws before what was reached is taken although nothing changed


class Redraw:
    """A decider that keeps what was decided but at some paths, and draws what is new."""

    def __init__(self, decisions: Mapping[str, Decision], paths: set[str], dice: random.Random) -> None:
        self._kept = Replay(decisions, otherwise=Draw(dice))
        self._decisions, self._paths, self._dice = decisions, paths, dice

    def choose(self, path: str, domain: Domain) -> Decision:
        """A step from what was decided at the paths to change, the same elsewhere."""
        if path in self._paths and allowed(domain, self._decisions[path]):
            return stepped(domain, self._decisions[path], self._dice)
        return self._kept.choose(path, domain)


class Draw:
    """Independent draws from dice that go on."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def choose(self, path: str, domain: Domain) -> Decision:
        """Uniform over the hole."""
        if isinstance(domain, Choice):
            return self._dice.randrange(len(domain.options))
        if isinstance(domain, Int):
            return self._dice.randint(domain.low, domain.high)
        low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
        drawn = self._dice.uniform(low, high)
        return min(max(math.exp(drawn) if domain.log else drawn, domain.low), domain.high)


def stepped(domain: Domain, value: Decision, dice: random.Random) -> Decision:
    """Another value of the hole: a near one half of the time where values have an order."""
    if isinstance(domain, Choice):
        others = [place for place in range(len(domain.options)) if place != value]
        return dice.choice(others) if others else value
    if isinstance(domain, Int):
        near = [near for near in (int(value) - 1, int(value) + 1) if domain.low <= near <= domain.high]
        others = [other for other in range(domain.low, domain.high + 1) if other != value]
        return dice.choice(near if near and dice.random() < NEAR else others) if others else value
    if dice.random() >= NEAR:
        return Draw(dice).choose("", domain)
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    here = (math.log(value) if domain.log else value) + dice.gauss(0.0, WIDTH * (high - low))
    moved = math.exp(here) if domain.log else here
    return min(max(moved, domain.low), domain.high)


def mutated(
    space: SearchSpace, decisions: Decisions, dice: random.Random, *, changes: int = 1, within: str = ""
) -> Decisions:
    """Decisions with some redrawn, at paths that begin so; holes that a change opens are drawn."""
    found, there = dict(decisions), sorted(path for path in decisions if path.startswith(within))
    for _ in range(TRIED):
        paths = set(dice.sample(there, min(changes, len(there))))
        found = space.walk(Redraw(decisions, paths, dice))
        if found != decisions:
            return found
    return found


def mixed(space: SearchSpace, one: Decisions, other: Decisions, dice: random.Random) -> Decisions:
    """Whole sub-trees from either: levels, transfers, tower, training ..., each from one of the two."""
    origin: dict[str, Decisions] = {}

    def parent(path: str) -> Decisions:
        return origin.setdefault(_subtree(path), one if dice.random() < 0.5 else other)

    class Mix:
        def choose(self, path: str, domain: Domain) -> Decision:
            first = parent(path)
            second: Decider = Replay(other if first is one else one, otherwise=Draw(dice))
            return Replay(first, otherwise=second).choose(path, domain)

    return space.walk(Mix())


def _subtree(path: str) -> str:
    """The part of a proposal that a decision belongs to: ``design.levels.0``, ``design.transfers``, ``training``."""
    parts = path.removesuffix("?").split(".")
    return ".".join(parts[: 3 if parts[:2] == ["design", "levels"] else 1 if parts[0] == "training" else 2])
