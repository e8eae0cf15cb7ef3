"""The feature columns of a schema, with the statistics of train rows."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from mtl_nas.data.parsing.calendar_parts import CalendarPart
from mtl_nas.data.parsing.instants import Unit
from mtl_nas.values import CompatibleValue, Value

LONGEST_HISTORY = 65_536  # behaviours that a row may have
NamesOfParts = TypeVar("NamesOfParts", bound=Sequence[str | None])


class Calendar(Value):
    """How a category is made of a time column: the part that clocks in a zone show."""

    column: str
    part: CalendarPart
    zone: str = "UTC"
    unit: Unit = "s"  # of numbers, since 1970-01-01 UTC


class Category(CompatibleValue):
    """A categorical column. Id 0 is reserved for levels that do not occur in train rows; level None is "missing"."""

    later_fields: ClassVar[tuple[str, ...]] = ("calendar",)
    name: str
    levels: tuple[str | None, ...]
    calendar: Calendar | None = None  # set where the column is made of a time

    @field_validator("levels")
    @classmethod
    def _levels_differ(cls, levels: tuple[str | None, ...]) -> tuple[str | None, ...]:
        return different("levels", levels)

    @property
    def source(self) -> str:
        """The column of the table that is read."""
        return self.name if self.calendar is None else self.calendar.column

    @property
    def size(self) -> int:
        """Number of ids, the reserved one included."""
        return len(self.levels) + 1


class Histogram(Value):
    """Bins of the train rows: a value that recurs has a bin of its own, the other values are divided by mass."""

    edges: tuple[float, ...]  # between the bins, ascending, each in the middle of two values
    rows: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)  # of each bin; one more than edges
    distinct: int = Field(ge=1)  # number of distinct values

    @model_validator(mode="after")
    def _edges_rise_between_bins(self) -> Self:
        if len(self.edges) != len(self.rows) - 1:
            raise ValueError(f"edges are one fewer than the {len(self.rows)} bins, got {len(self.edges)}")
        for lower, upper in pairwise(self.edges):
            if lower >= upper:
                raise ValueError(f"edges rise, got {lower:g} before {upper:g}")
        return self


class Number(CompatibleValue):
    """A numeric column with statistics of the train rows in which it is not missing."""

    later_fields: ClassVar[tuple[str, ...]] = ("origin", "time", "unit", "histogram", "thresholds")
    name: str
    mean: float
    deviation: float = Field(ge=0)
    quantiles: tuple[float, ...]  # 257, from the smallest value to the largest; each is a value of a row
    missing: bool  # some train rows have no value
    origin: float = 0.0  # encoded values and the statistics above count from here, in double precision
    time: bool = False  # seconds: of an instant since 1970-01-01 UTC, of a time of day, or of a duration
    unit: Unit = "s"  # of a time that is given as a number, since 1970-01-01 UTC
    histogram: Histogram | None = None  # None in schemas of 0.1.0
    thresholds: tuple[float, ...] = ()  # at which labels of the train rows change, the most useful one first

    @property
    def without_fits(self) -> "Number":
        """The column as schemas of 0.1.0 describe it."""
        return self.model_copy(update={"histogram": None, "thresholds": ()})

    @field_validator("quantiles")
    @classmethod
    def _quantiles_rise(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if len(quantiles) < 2:
            raise ValueError(f"quantiles are 2 or more, got {len(quantiles)}")
        for lower, upper in pairwise(quantiles):
            if lower > upper:
                raise ValueError(f"quantiles do not fall, got {lower:g} before {upper:g}")
        return quantiles


class HistoryColumns(Value):
    """Parallel list columns of one behaviour history: items first, then properties of each behaviour.

    Encoded ids: 0 is padding, 1 a level that does not occur in train rows, the levels follow from 2.
    """

    name: str
    columns: tuple[Category, ...] = Field(min_length=1)
    length: int = Field(ge=1, le=LONGEST_HISTORY)  # number of behaviours that are encoded, the latest ones
    items: int = Field(1, ge=1)  # number of leading columns that describe the items

    @model_validator(mode="after")
    def _items_are_columns(self) -> Self:
        if self.items > len(self.columns):
            raise ValueError(f"items are at most the {len(self.columns)} columns, got {self.items}")
        return self

    @property
    def properties(self) -> int:
        """Number of columns that describe the behaviours."""
        return len(self.columns) - self.items

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of ids per column, padding and the reserved id included."""
        return tuple(len(column.levels) + 2 for column in self.columns)


def different(what: str, names: NamesOfParts) -> NamesOfParts:
    """The names, or a ValueError that names one that is given twice."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(f"{what} differ from one another, got {repeated[0]!r} twice")
    return names
