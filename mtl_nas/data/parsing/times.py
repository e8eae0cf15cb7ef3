"""Times: seconds since 1970-01-01 UTC of times and dates, seconds of times of day and durations.

A time with a zone is the instant that it names; a time without one is taken as UTC.
"""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing.raw import RawColumn

TIME = r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?( ?(Z|UTC|[-+]\d{2}(:?\d{2})?))?"
CLOCK = r"(-?\d+ days?,? ?)?[-+]?\d{1,3}:\d{2}(:\d{2}(\.\d+)?)?|-?\d+ days?"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def seconds(column: RawColumn, *, wall: bool = False) -> NDArray[np.float64]:
    """The seconds of a column of type "time", (N,), NaN where missing.

    ``wall``: times with a zone count by the wall clock of their zone, as models of 0.1.0 read them.
    """
    values = column.values
    kind = values.type
    if types.is_timestamp(kind) and wall and kind.tz is not None:
        values = pc.local_timestamp(values)
    if types.is_date32(kind):
        return _floats(values.cast(pa.int32())) * 86_400.0
    if types.is_date64(kind):
        return _floats(values.cast(pa.int64())) / 1_000.0
    storage = pa.int32() if types.is_time32(kind) else pa.int64()
    return _floats(values.cast(storage)) / _PER_SECOND[kind.unit]


def parse_time(text: str) -> float | None:
    """The seconds of one text: an ISO time or date, a time of day, or a duration; None where it is none of them.

    >>> parse_time("1970-01-02"), parse_time("1970-01-01 01:00+01:00"), parse_time("01:30"), parse_time("today")
    (86400.0, 0.0, 5400.0, None)
    """
    text = text.strip()
    try:
        if re.fullmatch(TIME, text):
            return pd.Timestamp(text).timestamp() if _has_zone(text) else pd.Timestamp(text, tz="UTC").timestamp()
        if re.fullmatch(CLOCK, text):
            return pd.Timedelta(text if text.count(":") != 1 else f"{text}:00").total_seconds()
    except ValueError:
        return None
    return None


def parse_times(texts: pa.Array) -> NDArray[np.float64]:
    """The seconds of texts, (N,), NaN where a text is no time."""
    try:
        return _floats(texts.cast(pa.timestamp("us")).cast(pa.int64())) / 1e6
    except pa.ArrowInvalid:  # zones, times of day, durations, or no times
        parsed = [None if text is None else parse_time(text) for text in texts.to_pylist()]
        return np.array([np.nan if value is None else value for value in parsed], dtype=np.float64)


def _has_zone(text: str) -> bool:
    return re.search(r"(Z|UTC|[-+]\d{2}(:?\d{2})?)$", text[10:]) is not None


def _floats(integers: pa.Array) -> NDArray[np.float64]:
    """Whole numbers as floats, NaN where missing."""
    filled: NDArray[np.float64] = integers.fill_null(0).to_numpy(zero_copy_only=False).astype(np.float64)
    if integers.null_count:
        filled[integers.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return filled
