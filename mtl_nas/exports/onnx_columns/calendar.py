"""Seconds since 1970 -> parts of local times as ids of levels, in whole numbers.

The days of the Gregorian calendar are counted in years that begin in March, so that the leap day is the last one.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Category
from mtl_nas.data.parsing.calendar_parts import CalendarPart, calendar_levels
from mtl_nas.data.parsing.instants import DAY, local_seconds
from mtl_nas.exports.onnx_columns.builder import INT64, GraphBuilder

Part = Callable[["Days"], str]
FIRST_YEAR, LAST_YEAR = "1900", "2101"  # between which the clocks of a zone are listed
SPAN = 7 * DAY  # seconds within which clocks change at most once
ERA_DAYS = 146_097  # days of 400 years
MARCH_OF_YEAR_0 = 719_468  # days from 0000-03-01 to 1970-01-01
YEAR_1 = 719_162  # days from 0001-01-01 to 1970-01-01


def calendar_ids(graph: GraphBuilder, seconds: str, missing: str, column: Category) -> str:
    """Ids (int64) of a part of local times: levels count from 1, parts that train rows did not show are 0."""
    assert column.calendar is not None
    local = _local(graph, seconds, column.calendar.zone)
    codes = _PARTS[column.calendar.part](Days(graph, local))
    id_of = {level: 1 + index for index, level in enumerate(column.levels)}
    shown = {code: id_of[level] for code, level in _codes(column.calendar.part, column.levels) if level in id_of}
    ids = graph.codes(codes, shown, 0, np.int64)
    return graph.where(missing, graph.constant(id_of.get(None, 0), np.int64), ids)


def clock_changes(zone: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The instants from which the clocks of a zone are ahead of UTC by other seconds, and these seconds."""
    first, last = (int(np.datetime64(year, "s").astype(np.int64)) for year in (FIRST_YEAR, LAST_YEAR))
    days: NDArray[np.int64] = np.arange(first, last, DAY, dtype=np.int64)
    ahead = local_seconds(days, zone) - days
    before = days[:-1][ahead[1:] != ahead[:-1]]  # starts of days in which clocks change
    low, high = before, before + DAY
    old = local_seconds(low, zone) - low
    while len(low) and int((high - low).max()) > 1:
        middle = (low + high) // 2
        same = local_seconds(middle, zone) - middle == old
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    starts = np.concatenate([days[:1], high])
    return starts, local_seconds(starts, zone) - starts


def _local(graph: GraphBuilder, seconds: str, zone: str) -> str:
    """What clocks in a zone show: within each span of days, the clocks change at most once."""
    if zone == "UTC":
        return seconds
    starts, ahead = clock_changes(zone)
    spans = np.arange(starts[0], starts[-1] + SPAN, SPAN)
    latest = np.searchsorted(starts, spans, side="right") - 1  # the last change before a span
    following = np.append(starts, np.iinfo(np.int64).max)
    offset = graph.op("Sub", seconds, graph.constant(starts[0], np.int64))
    span = graph.op("Div", offset, graph.constant(SPAN, np.int64))
    bounds = (graph.constant(bound, np.int64) for bound in (0, len(spans) - 1))
    span = graph.op("Min", graph.op("Max", span, next(bounds)), next(bounds))
    index = graph.op("Gather", graph.constant(latest.astype(np.int64)), span)
    next_index = graph.op("Add", index, graph.constant(1, np.int64))
    next_start = graph.op("Gather", graph.constant(following), next_index)
    changed = graph.op("GreaterOrEqual", seconds, next_start)
    index = graph.where(changed, next_index, index)
    return graph.op("Add", seconds, graph.op("Gather", graph.constant(ahead), index))


class Days:
    """Local seconds in a graph, and the whole numbers that are made of them; all of them are 0 or more."""

    def __init__(self, graph: GraphBuilder, local: str) -> None:
        self.graph = graph
        self._since_year_1 = self.plus(local, YEAR_1 * DAY)

    def divided(self, number: str, by: int) -> str:
        """The quotient, rounded down."""
        return self.graph.op("Div", number, self.graph.constant(by, np.int64))

    def rest(self, number: str, by: int) -> str:
        """The rest of the division."""
        return self.graph.op("Mod", number, self.graph.constant(by, np.int64))

    def plus(self, number: str, other: int | str) -> str:
        """The sum with another number or tensor."""
        return self.graph.op("Add", number, other if isinstance(other, str) else self.graph.constant(other, np.int64))

    def minus(self, number: str, other: str) -> str:
        """The difference of two tensors."""
        return self.graph.op("Sub", number, other)

    def times(self, number: str, factor: int) -> str:
        """The product with a number."""
        return self.graph.op("Mul", number, self.graph.constant(factor, np.int64))

    @property
    def of_day(self) -> str:
        """Seconds since midnight."""
        return self.rest(self._since_year_1, DAY)

    @property
    def days(self) -> str:
        """Days since 0001-01-01, which was a Monday."""
        return self.divided(self._since_year_1, DAY)

    def civil(self, days: str) -> tuple[str, str, str]:
        """The year, the month from 0 and the day from 1."""
        shifted = self.plus(days, MARCH_OF_YEAR_0 - YEAR_1)
        era, of_era = self.divided(shifted, ERA_DAYS), self.rest(shifted, ERA_DAYS)
        leap = self.plus(of_era, self.times(self.divided(of_era, 1_460), -1))
        leap = self.plus(leap, self.divided(of_era, 36_524))
        leap = self.minus(leap, self.divided(of_era, 146_096))
        year_of_era = self.divided(leap, 365)
        year_days = self.plus(self.times(year_of_era, 365), self.divided(year_of_era, 4))
        year_days = self.minus(year_days, self.divided(year_of_era, 100))
        of_year = self.minus(of_era, year_days)
        month = self.divided(self.plus(self.times(of_year, 5), 2), 153)  # from March
        before = self.divided(self.plus(self.times(month, 153), 2), 5)
        day = self.plus(self.minus(of_year, before), 1)
        after_december = self.graph.cast(
            self.graph.op("GreaterOrEqual", month, self.graph.constant(10, np.int64)), INT64
        )
        year = self.plus(self.plus(self.times(era, 400), year_of_era), after_december)
        return year, self.rest(self.plus(month, 2), 12), day

    @property
    def weekday(self) -> str:
        """0 for Monday."""
        return self.rest(self.days, 7)

    @property
    def week(self) -> str:
        """The week of ISO 8601: that of the year which holds its Thursday."""
        thursday = self.plus(self.minus(self.days, self.weekday), 3)
        years = self.plus(self.civil(thursday)[0], -1)  # whole years before
        new_year = self.plus(self.times(years, 365), self.divided(years, 4))
        new_year = self.plus(self.minus(new_year, self.divided(years, 100)), self.divided(years, 400))
        return self.plus(self.divided(self.minus(thursday, new_year), 7), 1)


_PARTS: Mapping[CalendarPart, Part] = {
    "minute": lambda days: days.divided(days.rest(days.of_day, 3_600), 60),
    "hour": lambda days: days.divided(days.of_day, 3_600),
    "weekday": lambda days: days.weekday,
    "weekend": lambda days: days.divided(days.weekday, 5),
    "day": lambda days: days.civil(days.days)[2],
    "week": lambda days: days.week,
    "month": lambda days: days.civil(days.days)[1],
    "quarter": lambda days: days.divided(days.civil(days.days)[1], 3),
    "year": lambda days: days.civil(days.days)[0],
}
_COUNTS: Mapping[CalendarPart, int] = {"weekday": 7, "weekend": 2, "month": 12, "quarter": 4}  # codes with words


def _codes(part: CalendarPart, levels: tuple[str | None, ...]) -> list[tuple[int, str]]:
    """The code of each level that is a part of a time."""
    if part in _COUNTS:
        return list(enumerate(calendar_levels(part, range(_COUNTS[part]))))
    return [(int(level), level) for level in levels if level is not None]
