"""Times: seconds since 1970-01-01 UTC of times and dates, seconds of times of day and durations.

A time with a zone is the instant that it names; a time without one is taken as UTC. Seconds are rounded once, from
whole units, so that a time is one number in whatever unit or text a container holds it.
"""

import datetime as dt
import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing.raw import RawColumn

TIME = (
    r"(\d{4}-\d{2}-\d{2})(?:[ T](\d{2}(?::\d{2}(?::\d{2})?)?)(?:[.,](\d+))?)?"
    r"(?: ?(Z|UTC|[-+]\d{2}(?::?\d{2})?))?"
)
CLOCK = r"(?:(-?\d+) days?(,?) ?)?([-+]?)(\d{1,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?|(-?\d+) days?"
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
TIMES_OF_TEXT = [pa.timestamp(unit, zone) for unit in ("us", "ns") for zone in (None, "UTC")]
_EPOCH = dt.datetime(1970, 1, 1)


def seconds(column: RawColumn, *, wall: bool = False) -> NDArray[np.float64]:
    """The seconds of a column of type "time", (N,), NaN where missing.

    ``wall``: times with a zone count by the wall clock of their zone, as models of 0.1.0 read them.
    """
    values = column.values
    kind = values.type
    if types.is_timestamp(kind) and wall and kind.tz is not None:
        values = pc.local_timestamp(values)
    if types.is_date32(kind):
        return _seconds_of(values.cast(pa.int32())) * 86_400.0
    if types.is_date64(kind):
        return _seconds_of(values.cast(pa.int64()), "ms")
    return _seconds_of(values.cast(pa.int32() if types.is_time32(kind) else pa.int64()), kind.unit)


def parse_time(text: str) -> float | None:
    """The seconds of one text: an ISO time or date, a time of day, or a duration; None where it is none of them.

    >>> parse_time("1970-01-02"), parse_time("1970-01-01 01:00+01:00"), parse_time("01:30"), parse_time("today")
    (86400.0, 0.0, 5400.0, None)
    >>> parse_time("-1 days +23:59:58"), parse_time("-1 day, 23:59:58"), parse_time("-0:00:02")
    (-2.0, -2.0, -2.0)
    """
    parsed = _parsed(text)
    return None if parsed is None else parsed.whole + parsed.units / parsed.per_second


def parse_whole_seconds(text: str) -> int | None:
    """The seconds of one text as ``parse_time`` reads it, rounded down.

    >>> parse_whole_seconds("1969-12-31 23:59:59.999999999")
    -1
    """
    parsed = _parsed(text)
    return None if parsed is None else parsed.whole


def parse_times(texts: pa.Array) -> NDArray[np.float64]:
    """The seconds of texts, (N,), NaN where a text is no time."""
    for kind in TIMES_OF_TEXT:
        try:
            return _seconds_of(texts.cast(kind).cast(pa.int64()), kind.unit)
        except pa.ArrowInvalid:
            continue
    parsed = [None if text is None else parse_time(text) for text in texts.to_pylist()]
    return np.array([np.nan if value is None else value for value in parsed], dtype=np.float64)


class _Seconds(NamedTuple):
    """Whole seconds, rounded down, and units of a fraction of a second."""

    whole: int
    units: int
    per_second: int


def _parsed(text: str) -> _Seconds | None:
    text = text.strip()
    time, clock = re.fullmatch(TIME, text), re.fullmatch(CLOCK, text)
    if time is not None:
        return _instant(*time.groups())
    return None if clock is None else _duration(*clock.groups(default=""))


def _instant(date: str, clock: str | None, fraction: str | None, zone: str | None) -> _Seconds | None:
    try:
        time = dt.datetime.fromisoformat(f"{date}T{clock or '00:00'}")
    except ValueError:
        return None
    whole = (time - _EPOCH) // dt.timedelta(seconds=1)
    if zone is not None and zone not in ("Z", "UTC"):
        whole -= int(zone[0] + "1") * (3_600 * int(zone[1:3]) + 60 * int(zone[3:].strip(":") or 0))
    return _seconds(whole, fraction)


def _duration(
    days: str, comma: str, sign: str, hours: str, minutes: str, clock_seconds: str, fraction: str, only_days: str
) -> _Seconds:
    """A sign before the days holds for the clock too, unless it has its own, or Python's comma stands between them."""
    if only_days:
        return _seconds(86_400 * int(only_days), None)
    whole = 3_600 * int(hours) + 60 * int(minutes) + int(clock_seconds or 0)
    negative = sign == "-" or (not sign and not comma and days.startswith("-"))
    return _seconds(86_400 * int(days or 0) + (-whole if negative else whole), fraction, negative=negative)


def _seconds(whole: int, fraction: str | None, *, negative: bool = False) -> _Seconds:
    """The seconds of whole ones and the digits of a fraction, which a sign makes negative."""
    unit: int = 10 ** len(fraction or "")
    units = whole * unit + int(fraction or 0) * (-1 if negative else 1)
    return _Seconds(units // unit, units % unit, unit)


def _seconds_of(units: pa.Array, unit: str = "s") -> NDArray[np.float64]:
    """Whole units as seconds, NaN where missing: the whole seconds, and a fraction that is rounded once."""
    filled: NDArray[np.float64]
    whole = units.fill_null(0).to_numpy(zero_copy_only=False)
    per_second = PER_SECOND[unit]
    if per_second == 1:
        filled = whole.astype(np.float64)
    else:
        filled = (whole // per_second).astype(np.float64) + (whole % per_second) / per_second
    if units.null_count:
        filled[units.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return filled
