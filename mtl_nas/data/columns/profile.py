"""What the values of a column look like, gathered from all rows: the kind of a column that no declaration names.

No result depends on where the batches of a table were cut.
"""

import math
import re
from collections import Counter
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.columns.distinct import DistinctValues
from mtl_nas.data.columns.text_profile import TextProfile
from mtl_nas.data.parsing.instants import DAY, Unit, parse_seconds
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.parsing.times import PER_SECOND
from mtl_nas.errors import DataError

Kind = Literal["category", "number", "sequence"]

MOST_WHOLE_LEVELS = 20  # distinct whole numbers that are levels of a category
NUMERIC_FORMS = ("number", "marked", "time")  # forms of texts that are read as numbers
UNIX_TIMES = (946_684_800, 4_102_444_800)  # seconds; 2000-01-01 to 2100-01-01
TIME_NAME = re.compile(r"time|date|(^|[_\W])(at|ts|epoch|unix)($|[_\W])", re.IGNORECASE)
FIRST_ROWS = 1_000  # rows that are looked at before all of them are
COARSEST = 2.0**-16  # of the range of a column: single precision of coarser steps is avoided by an origin


def _whole(numbers: NDArray[np.float64]) -> bool:
    return all(bool((np.floor(part) == part).all()) for part in (numbers[:FIRST_ROWS], numbers[FIRST_ROWS:]))


def _increasing(numbers: NDArray[np.float64]) -> bool:
    return all(bool((part[:-1] < part[1:]).all()) for part in (numbers[:FIRST_ROWS], numbers[FIRST_ROWS - 1 :]))


class NumberProfile:
    """The numbers of a column over all rows that were added."""

    def __init__(self) -> None:
        self.lowest, self.highest = math.inf, -math.inf
        self.whole = True  # every number is whole
        self.whole_days = True  # every number is a multiple of the seconds of a day
        self.increasing = True  # every number is larger than the one above
        self.count = 0
        self._negatives: Counter[float] = Counter()  # rows of the first two negative numbers that are found
        self._last = -math.inf
        self._distinct: set[float] | None = set()  # whole numbers; None where there are too many, or others

    def add(self, numbers: NDArray[np.float64]) -> None:
        """Add the (N,) numbers of further rows, NaN where missing."""
        present = numbers[~np.isnan(numbers)]
        if not len(present):
            return
        self.count += len(present)
        self.increasing = self.increasing and bool(present[0] > self._last) and _increasing(present)
        self._last = float(present[-1])
        self.lowest, self.highest = min(self.lowest, float(present.min())), max(self.highest, float(present.max()))
        self._count_negatives(present)
        self.whole = self.whole and _whole(present)
        if self.whole_days and present[0] % DAY == 0:  # most columns are settled by their first number
            self.whole_days = bool((present % DAY == 0).all())
        else:
            self.whole_days = False
        for rows in (slice(FIRST_ROWS), slice(FIRST_ROWS, None)):  # the first rows settle most columns
            if self._distinct is not None:
                self._distinct.update(np.unique(present[rows]).tolist() if self.whole else ())
                if not self.whole or len(self._distinct) > MOST_WHOLE_LEVELS:
                    self._distinct = None

    def _count_negatives(self, present: NDArray[np.float64]) -> None:
        if self.lowest < 0 and len(self._negatives) < 2:
            negative, counts = np.unique(present[present < 0], return_counts=True)
            self._negatives.update(dict(zip(negative[:2].tolist(), counts[:2].tolist(), strict=True)))

    @property
    def only_negative(self) -> tuple[float, int] | None:
        """The one negative number and its rows; None where there are none or several."""
        return next(iter(self._negatives.items())) if len(self._negatives) == 1 else None

    @property
    def few_whole(self) -> bool:
        """Whether the numbers are few whole ones."""
        return self._distinct is not None

    @property
    def origin(self) -> float:
        """The smallest number where single precision would merge numbers that are counted from 0, else 0."""
        largest = max(abs(self.lowest), abs(self.highest))
        if not math.isfinite(largest) or self.lowest == self.highest:
            return 0.0
        return self.lowest if largest * 2.0**-24 > (self.highest - self.lowest) * COARSEST else 0.0


class ColumnProfile:
    """A column over all rows that were added."""

    def __init__(self, name: str, unit: Unit = "s") -> None:
        """``unit``: that of times which are given as numbers; the numbers of the profile are seconds."""
        self.name, self.unit = name, unit
        self.rows = self.missing = 0
        self.types: set[str] = set()  # of the containers that were read
        self.categorical = False  # the container says that the values are levels
        self.zoned = False  # some times have a zone
        self.texts, self.numbers, self.distinct = TextProfile(), NumberProfile(), DistinctValues()

    def add(self, column: RawColumn) -> None:
        """Add the values of further rows."""
        missing = int(column.missing.sum())
        first, self.rows, self.missing = self.rows, self.rows + len(column), self.missing + missing
        if missing == len(column):
            return
        self.types.add(column.type)
        self.distinct.add(column, first)
        self.categorical |= column.categorical
        if column.type == "text":
            self.texts.add(column, first)
        if column.type in ("number", "time") or (column.type == "text" and self.texts.form in NUMERIC_FORMS):
            self.numbers.add(parse_seconds(column, self.unit))
        if types.is_timestamp(column.values.type):
            self.zoned |= column.values.type.tz is not None

    @property
    def kind(self) -> Kind:
        """Lists: sequence; numbers and times: number, few whole numbers: category; anything else: category."""
        if not self.types:
            raise DataError(f"column '{self.name}' has no value in any row; ignore it (ignore: ['{self.name}'])")
        if "other" in self.types:
            raise DataError(f"column '{self.name}' holds structures, which are no values; ignore it")
        if "list" in self.types or (self.types == {"text"} and self.texts.form == "list"):
            return "sequence"
        if self.categorical or "boolean" in self.types:
            return "category"
        if self.is_numeric and self.texts.leading_zeros is None:
            return "category" if self.numbers.few_whole else "number"
        return "number" if self.is_time else "category"

    @property
    def is_time(self) -> bool:
        """Whether the values are times, dates, times of day or durations."""
        return "time" in self.types | {self.texts.form} and self.types <= {"text", "time"} and self._texts_are("time")

    @property
    def unix_unit(self) -> Unit | None:
        """The unit in which numbers of this name and range may count since 1970; None where they may not."""
        if not self.is_numeric or not TIME_NAME.search(self.name):
            return None
        units: tuple[Unit, ...] = ("s", "ms", "us", "ns")
        first, last = UNIX_TIMES
        for unit in units:
            if first * PER_SECOND[unit] <= self.numbers.lowest <= self.numbers.highest < last * PER_SECOND[unit]:
                return unit
        return None

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers."""
        return bool(self.types) and self.types <= {"number", "text"} and self._texts_are("number", "marked")

    @property
    def missing_marks(self) -> tuple[str, ...]:
        """Texts that say that a value is missing, as the others are numbers or times."""
        return tuple(sorted(self.texts.marks)) if self.is_time or self.is_numeric else ()

    def _texts_are(self, *forms: str) -> bool:
        return "text" not in self.types or self.texts.form in forms
