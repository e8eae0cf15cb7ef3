"""Parts of local times that are categories: hour, weekday, month and others, in plain words."""

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing.instants import DAY

CalendarPart = Literal["minute", "hour", "weekday", "weekend", "day", "week", "month", "quarter", "year"]
CALENDAR_PARTS: tuple[CalendarPart, ...] = get_args(CalendarPart)
Codes = NDArray[np.int64]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SATURDAY = 5
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


class _Rule(NamedTuple):
    codes: Callable[[Codes], Codes]  # of (N,) local seconds
    words: tuple[str, ...] = ()  # the level of each code; empty: the code itself


def calendar_codes(part: CalendarPart, local: Codes) -> Codes:
    """The part of (N,) local seconds as codes that ascend in calendar order, at least 0.

    >>> calendar_codes("hour", np.array([-1, 0, 3600])).tolist()
    [23, 0, 1]
    """
    return _RULES[part].codes(local)


def calendar_levels(part: CalendarPart, codes: Iterable[int]) -> tuple[str, ...]:
    """The level of each code.

    >>> calendar_levels("weekday", [0, 6]), calendar_levels("hour", [0, 23])
    (('Monday', 'Sunday'), ('0', '23'))
    """
    words = _RULES[part].words
    return tuple(words[code] if words else str(code) for code in codes)


def _days(local: Codes) -> Codes:
    return local // DAY


def _weekday(local: Codes) -> Codes:
    return (_days(local) + 3) % 7  # 1970-01-01 was a Thursday


def _months(local: Codes) -> Codes:
    """Months since 1970-01."""
    return _days(local).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _year(local: Codes) -> Codes:
    return _months(local) // 12 + 1970


def _month(local: Codes) -> Codes:
    return _months(local) % 12


def _day(local: Codes) -> Codes:
    first = _months(local).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return _days(local) - first + 1


def _week(local: Codes) -> Codes:
    """The week of ISO 8601: that of the year which holds its Thursday."""
    thursday = _days(local) - _weekday(local) + 3
    new_year = (_year(thursday * DAY) - 1970).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64)
    return (thursday - new_year) // 7 + 1


_RULES: dict[CalendarPart, _Rule] = {
    "minute": _Rule(lambda local: local % 3_600 // 60),
    "hour": _Rule(lambda local: local % DAY // 3_600),
    "weekday": _Rule(_weekday, WEEKDAYS),
    "weekend": _Rule(lambda local: (_weekday(local) >= SATURDAY).astype(np.int64), ("no", "yes")),
    "day": _Rule(_day),
    "week": _Rule(_week),
    "month": _Rule(_month, MONTHS),
    "quarter": _Rule(lambda local: _month(local) // 3, ("1", "2", "3", "4")),
    "year": _Rule(_year),
}
