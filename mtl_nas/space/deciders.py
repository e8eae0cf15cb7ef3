"""What fills holes without a library: defaults, random draws, replayed decisions, enumeration."""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Protocol

from mtl_nas.errors import SpaceError
from mtl_nas.space.holes import Choice, Decision, Domain, Float, Int

Decisions = dict[str, Decision]


class Decider(Protocol):
    """Fills one hole at a time, in the order of the sentence; a hole on a branch not taken is never asked."""

    def choose(self, path: str, domain: Domain) -> Decision:
        """A number of the range, or the place of an option."""
        ...


class Defaults:
    """Every hole at its default."""

    def choose(self, path: str, domain: Domain) -> Decision:
        """The default."""
        return domain.start


class Random:
    """Independent draws; equal seeds, equal draws on every machine."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(seed)

    def choose(self, path: str, domain: Domain) -> Decision:
        """Uniform over the range (of logarithms, where the hole says so) or the options."""
        if isinstance(domain, Int):
            return self._random.randint(domain.low, domain.high)
        if isinstance(domain, Choice):
            return self._random.randrange(len(domain.options))
        if domain.log:
            drawn = math.exp(self._random.uniform(math.log(domain.low), math.log(domain.high)))
            return min(max(drawn, domain.low), domain.high)
        return self._random.uniform(domain.low, domain.high)


class Replay:
    """Decisions made before; a hole they do not know is a SpaceError unless another decider fills it."""

    def __init__(self, decisions: Mapping[str, Decision], otherwise: Decider | None = None) -> None:
        self._decisions, self._otherwise = decisions, otherwise

    def choose(self, path: str, domain: Domain) -> Decision:
        """What was decided, if it is still possible."""
        if path in self._decisions and allowed(domain, self._decisions[path]):
            return self._decisions[path]
        if self._otherwise is None:
            found = f"{self._decisions[path]} is outside" if path in self._decisions else "no decision for"
            raise SpaceError(f"cannot replay: {found} '{path}'")
        return self._otherwise.choose(path, domain)


class Ends:
    """Every hole at its low end and first option, or at its high end and last option: the corners of a space."""

    def __init__(self, *, high: bool) -> None:
        self._high = high

    def choose(self, path: str, domain: Domain) -> Decision:
        """The end."""
        if isinstance(domain, Choice):
            return len(domain.options) - 1 if self._high else 0
        return domain.high if self._high else domain.low


class Turn:
    """The same turn everywhere: option ``turn`` of every choice, that far above every low end, going round."""

    def __init__(self, turn: int) -> None:
        self._turn = turn

    def choose(self, path: str, domain: Domain) -> Decision:
        """The turn's value."""
        if isinstance(domain, Choice):
            return self._turn % len(domain.options)
        if isinstance(domain, Int):
            return domain.low + self._turn % (domain.high - domain.low + 1)
        return domain.start


class Enumerate:
    """All discrete decisions in turn, numbers that are not whole at their default.

    ``for decider in Enumerate.all(): resolve(space, decider)`` visits each combination once.
    """

    def __init__(self) -> None:
        self._turns: list[tuple[int, int]] = []  # (taken, possible) of each hole met, in order
        self._place = 0

    def choose(self, path: str, domain: Domain) -> Decision:
        """The next value of the odometer."""
        if isinstance(domain, Float):
            return domain.start
        first, count = (
            (domain.low, domain.high - domain.low + 1) if isinstance(domain, Int) else (0, len(domain.options))
        )
        if self._place == len(self._turns):
            self._turns.append((0, count))
        taken, _ = self._turns[self._place]
        self._place += 1
        return first + taken

    @classmethod
    def all(cls) -> Iterator["Enumerate"]:
        """The same decider, moved on after each resolve."""
        decider = cls()
        while True:
            decider._place = 0
            yield decider
            while decider._turns and decider._turns[-1][0] + 1 == decider._turns[-1][1]:
                decider._turns.pop()
            if not decider._turns:
                return
            taken, count = decider._turns.pop()
            decider._turns.append((taken + 1, count))


def allowed(domain: Domain, decision: Decision) -> bool:
    """The decision is one that the hole admits."""
    if isinstance(domain, Choice):
        return type(decision) is int and 0 <= decision < len(domain.options)
    if isinstance(domain, Int):
        return type(decision) is int and domain.low <= decision <= domain.high
    return domain.low <= decision <= domain.high
