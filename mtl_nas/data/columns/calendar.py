"""Categories that are made of time columns: ``hour(at)``, ``weekday(at)`` and others."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.columns.statistics import empty_column
from mtl_nas.data.parsing.calendar_parts import calendar_codes, calendar_levels
from mtl_nas.data.parsing.instants import Unit, local_seconds, read_instants
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.schema import Calendar, Category
from mtl_nas.data.time_column import TimeColumn
from mtl_nas.errors import DataError

CLOCK_SECONDS = 10**6  # seconds below which times are times of day or durations, not instants


class LocalTimes:
    """The calendar parts of the time columns of a table, each of which is read once."""

    def __init__(self, table: RawTable) -> None:
        self._table = table
        self._read: dict[tuple[str, str, Unit], tuple[NDArray[np.int64], NDArray[np.bool_]]] = {}

    def codes(self, calendar: Calendar) -> NDArray[np.int64]:
        """The code of a part in each row, (N,), as ``calendar_codes`` gives it; -1 where the time is missing."""
        key = (calendar.column, calendar.zone, calendar.unit)
        if key not in self._read:
            instants = read_instants(self._table[calendar.column], calendar.unit)
            self._read[key] = local_seconds(instants.seconds, calendar.zone), instants.missing
        local, missing = self._read[key]
        return np.where(missing, -1, calendar_codes(calendar.part, local))

    def ids(self, column: Category) -> NDArray[np.int32]:
        """The id of each row, (N,): levels count from 1, parts that train rows did not show are 0."""
        assert column.calendar is not None
        codes, index = np.unique(self.codes(column.calendar), return_inverse=True)
        id_of = {level: 1 + position for position, level in enumerate(column.levels)}
        shown = [None if code < 0 else calendar_levels(column.calendar.part, [code])[0] for code in codes.tolist()]
        return np.array([id_of.get(level, 0) for level in shown], dtype=np.int32)[index]


def calendar_name(part: str, column: str) -> str:
    """The category that holds a part of a time column."""
    return f"{part}({column})"


def calendars(column: str, declared: TimeColumn) -> Iterator[Calendar]:
    """How each category of a time column is made."""
    for part in declared.parts:
        yield Calendar(column=column, part=part, zone=declared.zone, unit=declared.unit)


def calendar_category(calendar: Calendar, codes: Iterable[int]) -> Category:
    """The category with the levels of the codes that train rows show, in calendar order; -1 is missing."""
    present = sorted(set(codes) - {-1})
    if not present:
        raise empty_column(calendar.column)
    return Category(
        name=calendar_name(calendar.part, calendar.column),
        levels=(*calendar_levels(calendar.part, present), *((None,) if -1 in codes else ())),
        calendar=calendar,
    )


def refuse_zone_of_dates(profile: ColumnProfile, declared: TimeColumn) -> None:
    """Raise DataError where dates without a time of day, or times of day without a date, are given a zone."""
    numbers = profile.numbers
    if declared.zone == "UTC" or numbers.lowest > numbers.highest:
        return
    if numbers.whole_days:
        what = "dates without a time of day"
    elif profile.is_time and numbers.lowest > -CLOCK_SECONDS and numbers.highest < CLOCK_SECONDS:
        what = "times of day"
    else:
        return
    raise DataError(f"column '{profile.name}' holds {what}, which have no zone; leave zone: {declared.zone} out")
