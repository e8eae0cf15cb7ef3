"""The holes of a space. A tree is a proposal's plain form in which any value may be a hole."""

import math
from dataclasses import dataclass
from typing import Any

from mtl_nas.errors import SpaceError

Tree = Any  # mappings, lists, scalars and holes
Decision = int | float
NEEDS = ("sequences", "families", "funnel", "one funnel", "binary tasks")


@dataclass(frozen=True)
class Int:
    """A whole number, both ends included."""

    low: int
    high: int
    default: int | None = None

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        _check_range("an int", self.low, self.high, self.default, whole=True)

    @property
    def start(self) -> int:
        """The default, the low end unless one is given."""
        return self.low if self.default is None else self.default


@dataclass(frozen=True)
class Float:
    """A number, both ends included; ``log`` spreads draws evenly over orders of magnitude."""

    low: float
    high: float
    log: bool = False
    default: float | None = None

    def __post_init__(self) -> None:
        """Refuse an empty range, and a logarithmic one that reaches zero."""
        _check_range("a float", self.low, self.high, self.default, whole=False)
        if not isinstance(self.log, bool):
            raise SpaceError(f"log is true or false, got {self.log!r}")
        if self.log and self.low <= 0:
            raise SpaceError(f"a float with log needs low > 0, got low={self.low}")

    @property
    def start(self) -> float:
        """The default, the (geometric) middle unless one is given."""
        if self.default is not None:
            return self.default
        return math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2


@dataclass(frozen=True)
class Choice:
    """One of several trees; the first is the default. Decided by its place."""

    options: tuple[Tree, ...]

    def __post_init__(self) -> None:
        """Refuse a choice of nothing."""
        if not self.options:
            raise SpaceError("a choice needs an option, got none")

    @property
    def start(self) -> int:
        """The first option."""
        return 0


@dataclass(frozen=True)
class Subset:
    """Some of the items, in their order. ``items`` may be ``task_pairs``: links from each task to each later one."""

    items: tuple[Tree, ...] | str
    min: int = 0

    def __post_init__(self) -> None:
        """Refuse what no subset can satisfy."""
        if isinstance(self.items, str):
            if self.items != "task_pairs":
                raise SpaceError(f"a subset is of a list or of task_pairs, got '{self.items}'")
        elif twins := [item for place, item in enumerate(self.items) if item in self.items[:place]]:
            raise SpaceError(f"a subset is of different items, got {twins[0]!r} twice")
        most = math.inf if isinstance(self.items, str) else len(self.items)
        if type(self.min) is not int or not 0 <= self.min <= most:
            raise SpaceError(f"a subset needs 0 <= min <= the number of items, got min={self.min!r} of {most}")


@dataclass(frozen=True)
class Repeat:
    """A list of ``low`` to ``high`` trees of one form, each decided by itself."""

    low: int
    high: int
    of: Tree
    default: int | None = None

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        _check_range("a repeat", self.low, self.high, self.default, whole=True)
        if self.low < 0:
            raise SpaceError(f"a repeat needs low >= 0, got low={self.low}")

    @property
    def count(self) -> Int:
        """The hole of its length."""
        return Int(self.low, self.high, self.default)


@dataclass(frozen=True)
class Maybe:
    """A tree or nothing (null, the default)."""

    of: Tree


@dataclass(frozen=True)
class EachTask:
    """A mapping from every task to a tree of one form; empty until the space knows its tasks."""

    of: Tree


@dataclass(frozen=True)
class Needs:
    """An option that is there only on tables of one kind: see NEEDS for the kinds."""

    what: str
    of: Tree

    def __post_init__(self) -> None:
        """Refuse what no table is asked for."""
        if self.what not in NEEDS:
            raise SpaceError(f"an option needs one of {', '.join(NEEDS)}, got {self.what!r}")


Hole = Int | Float | Choice | Subset | Repeat | Maybe | EachTask
Domain = Int | Float | Choice  # what deciders decide; the other holes come down to these
SWITCH = Choice((False, True))


def _check_range(kind: str, low: float, high: float, default: float | None, *, whole: bool) -> None:
    number = "whole number" if whole else "number"
    if not (_is_number(low, whole) and _is_number(high, whole)):
        raise SpaceError(f"{kind} needs {number}s low and high, got low={low!r}, high={high!r}")
    if low > high:
        raise SpaceError(f"{kind} needs low <= high, got low={low}, high={high}")
    if default is not None and not (_is_number(default, whole) and low <= default <= high):
        raise SpaceError(f"the default of {kind} is a {number} in its range [{low}, {high}], got {default!r}")


def _is_number(value: object, whole: bool) -> bool:
    return type(value) is int or (not whole and isinstance(value, float) and math.isfinite(value))
