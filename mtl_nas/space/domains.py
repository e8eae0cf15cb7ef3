"""Domains: the holes that are filled by one decision, a number within a range or the index of an option."""

import math
from dataclasses import dataclass
from typing import Any

from mtl_nas.errors import SpaceError

Tree = Any  # the plain form of a proposal, in which any value may be a hole: mappings, lists, scalars and holes
Decision = int | float


@dataclass(frozen=True)
class Int:
    """A whole number from ``low`` to ``high``, both included.

    Args:
        low: The smallest value.
        high: The largest value.
        default: The value of ``SearchSpace.default()``; ``low`` if None.

    Raises:
        SpaceError: The range is empty, or the default lies outside it.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Int
        >>> space = mn.SearchSpace("batches", {"training": {"batch_size": Int(64, 512, default=256)}})
        >>> space.default().training.batch_size, space.size()
        (256, 449)
    """

    low: int
    high: int
    default: int | None = None

    def __post_init__(self) -> None:
        check_range("an int", self.low, self.high, self.default, whole=True)

    @property
    def start(self) -> int:
        """The decision of the default proposal."""
        return self.low if self.default is None else self.default

    def allows(self, decision: Decision) -> bool:
        return type(decision) is int and self.low <= decision <= self.high


@dataclass(frozen=True)
class Float:
    """A number from ``low`` to ``high``, both included.

    Args:
        low: The smallest value.
        high: The largest value.
        log: Whether draws and mutations are uniform in the logarithm, as for learning rates.
        default: The value of ``SearchSpace.default()``; the (with ``log`` geometric) middle of the range if None.

    Raises:
        SpaceError: The range is empty, a logarithmic range reaches zero, or the default lies outside the range.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Float
        >>> rate = Float(1e-4, 1e-2, log=True)
        >>> mn.SearchSpace("rates", {"training": {"learning_rate": rate}}).default().training.learning_rate
        0.001
    """

    low: float
    high: float
    log: bool = False
    default: float | None = None

    def __post_init__(self) -> None:
        check_range("a float", self.low, self.high, self.default, whole=False)
        if not isinstance(self.log, bool):
            raise SpaceError(f"log is true or false, got {self.log!r}")
        if self.log and self.low <= 0:
            raise SpaceError(f"a float with log needs low > 0, got low={self.low}")

    @property
    def start(self) -> float:
        """The decision of the default proposal."""
        if self.default is not None:
            return self.default
        return math.sqrt(self.low * self.high) if self.log else (self.low + self.high) / 2

    def allows(self, decision: Decision) -> bool:
        return self.low <= decision <= self.high


@dataclass(frozen=True)
class Choice:
    """One of several options, each a value or a tree with holes of its own. The decision is the option's index.

    Args:
        options: The options; the first is the default.

    Raises:
        SpaceError: There is no option.

    Example:
        >>> import mtl_nas as mn
        >>> from mtl_nas.space import Choice
        >>> space = mn.SearchSpace("towers", {"design": {"tower": {"hidden": Choice(([], [16], [32, 16]))}}})
        >>> space.default().design.tower.hidden, space.size()
        ((), 3)
    """

    options: tuple[Tree, ...]

    def __post_init__(self) -> None:
        if not self.options:
            raise SpaceError("a choice needs an option, got none")

    @property
    def start(self) -> int:
        """The decision of the default proposal."""
        return 0

    @property
    def low(self) -> int:
        """The index of the first option."""
        return 0

    @property
    def high(self) -> int:
        """The index of the last option."""
        return len(self.options) - 1

    def allows(self, decision: Decision) -> bool:
        return type(decision) is int and self.low <= decision <= self.high


Domain = Int | Float | Choice
SWITCH = Choice((False, True))


def check_range(kind: str, low: float, high: float, default: float | None, *, whole: bool) -> None:
    """Raise SpaceError for an empty range or a default outside it."""
    number = "whole number" if whole else "number"
    if not (_is_number(low, whole) and _is_number(high, whole)):
        raise SpaceError(f"{kind} needs {number}s low and high, got low={low!r}, high={high!r}")
    if low > high:
        raise SpaceError(f"{kind} needs low <= high, got low={low}, high={high}")
    if default is not None and not (_is_number(default, whole) and low <= default <= high):
        raise SpaceError(f"the default of {kind} is a {number} in its range [{low}, {high}], got {default!r}")


def _is_number(value: object, whole: bool) -> bool:
    return type(value) is int or (not whole and isinstance(value, float) and math.isfinite(value))
