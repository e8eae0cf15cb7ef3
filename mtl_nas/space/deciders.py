"""Deciders fill holes one at a time: with defaults, random draws, earlier decisions, corners, or every combination."""

import math
import random
from collections.abc import Iterator, Mapping
from typing import Protocol

from mtl_nas.errors import SpaceError
from mtl_nas.space.domains import Decision, Domain, Float

Decisions = dict[str, Decision]


class Decider(Protocol):
    """Whatever decides holes: a sampler, a replay, a test.

    Holes are decided in the order of the tree. A hole on a branch that was not chosen is never decided.
    """

    def choose(self, path: str, domain: Domain) -> Decision:
        """A number of the range, or the index of an option."""
        ...


class Defaults:
    """Every hole at its default."""

    def choose(self, path: str, domain: Domain) -> Decision:
        return domain.start


class Random:
    """Independent uniform draws (in the logarithm, where the hole says so).

    Args:
        source: A seed, or a generator that is shared with others. Equal seeds draw equally on every machine.

    >>> from mtl_nas.space import Int
    >>> [Random(seed).choose("experts", Int(1, 8)) for seed in (0, 0, 1)]
    [7, 7, 3]
    """

    def __init__(self, source: int | str | random.Random) -> None:
        self._random = source if isinstance(source, random.Random) else random.Random(source)

    def choose(self, path: str, domain: Domain) -> Decision:
        if not isinstance(domain, Float):
            return self._random.randint(domain.low, domain.high)
        if domain.log:
            drawn = math.exp(self._random.uniform(math.log(domain.low), math.log(domain.high)))
        else:
            drawn = self._random.uniform(domain.low, domain.high)
        return min(max(drawn, domain.low), domain.high)


class Replay:
    """Earlier decisions. Holes without an earlier decision, or with an impossible one, are left to another decider.

    Args:
        decisions: The earlier decisions by path.
        otherwise: The other decider. Without one, ``choose`` raises SpaceError at such a hole.
    """

    def __init__(self, decisions: Mapping[str, Decision], otherwise: Decider | None = None) -> None:
        self._decisions, self._otherwise = decisions, otherwise

    def choose(self, path: str, domain: Domain) -> Decision:
        if path in self._decisions and domain.allows(self._decisions[path]):
            return self._decisions[path]
        if self._otherwise is None:
            problem = f"{self._decisions[path]} is outside" if path in self._decisions else "no decision for"
            raise SpaceError(f"cannot replay: {problem} '{path}'")
        return self._otherwise.choose(path, domain)


class Corner:
    """Every hole at its low end and first option, or at its high end and last option."""

    def __init__(self, *, high: bool) -> None:
        self._high = high

    def choose(self, path: str, domain: Domain) -> Decision:
        return domain.high if self._high else domain.low


class Offset:
    """The option or whole number ``offset`` above the lowest, wrapping round; other numbers at their default."""

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def choose(self, path: str, domain: Domain) -> Decision:
        if isinstance(domain, Float):
            return domain.start
        return domain.low + self._offset % (domain.high - domain.low + 1)


class Enumerate:
    """All combinations of options and whole numbers, one after the other; other numbers stay at their default.

    ``for decider in Enumerate.all(): space.resolve(decider)`` visits each combination once.
    """

    def __init__(self) -> None:
        self._digits: list[tuple[int, int]] = []  # (offset above the lowest, number of values) of each hole, in order
        self._next = 0

    def choose(self, path: str, domain: Domain) -> Decision:
        if isinstance(domain, Float):
            return domain.start
        if self._next == len(self._digits):
            self._digits.append((0, domain.high - domain.low + 1))
        offset, _ = self._digits[self._next]
        self._next += 1
        return domain.low + offset

    @classmethod
    def all(cls) -> Iterator["Enumerate"]:
        """The same decider again and again, at the next combination each time."""
        decider = cls()
        while True:
            decider._next = 0
            yield decider
            while decider._digits and decider._digits[-1][0] + 1 == decider._digits[-1][1]:
                decider._digits.pop()
            if not decider._digits:
                return
            offset, count = decider._digits.pop()
            decider._digits.append((offset + 1, count))
