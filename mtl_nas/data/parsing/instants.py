"""Instants in whole seconds since 1970-01-01 UTC, exact for every container, and their local time in a zone."""

from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing.marks import is_mark
from mtl_nas.data.parsing.numeric import PLAIN, parse_numbers, read_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.parsing.times import PER_SECOND, TIMES_OF_TEXT, parse_whole_seconds
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

Unit = Literal["s", "ms", "us", "ns"]
DAY = 86_400  # seconds
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799  # the first and the last second of the years 1 to 9999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Instants(NamedTuple):
    """Whole seconds since 1970-01-01 UTC, rounded down, (N,), and the rows without a time, (N,)."""

    seconds: NDArray[np.int64]
    missing: NDArray[np.bool_]


def read_instants(column: RawColumn, unit: Unit = "s") -> Instants:
    """The instants of a column: times and dates of any type or spelling, or numbers in that unit.

    Raises:
        DataError: a row holds no time, or one outside the years 1 to 9999; names the row.
    """
    values, missing = column.values, column.missing
    if column.type == "time":
        seconds = _whole_seconds(values)
    elif column.type == "number":
        seconds, missing = _of_numbers(values, unit)
    elif column.type == "text":
        encoded = values.dictionary_encode()
        of_texts, absent = _of_texts(encoded.dictionary, unit)
        codes = encoded.indices.fill_null(len(of_texts)).to_numpy(zero_copy_only=False)
        seconds, missing = np.append(of_texts, 0)[codes], np.append(absent, True)[codes]
    else:
        seconds = np.where(missing, 0, LATEST + 1)
    outside = ~missing & ((seconds < EARLIEST) | (seconds > LATEST))
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise DataError(f"column '{column.name}' is a time, but row {row + 1} holds {_shown(column, row, unit)}")
    return Instants(seconds, missing)


def read_seconds(column: RawColumn, unit: Unit = "s") -> NDArray[np.float64]:
    """Seconds since 1970-01-01 UTC with their fractions, (N,), NaN where missing; numbers are in that unit."""
    return _in_seconds(column, read_numbers(column, time=True, what="a time"), unit)


def parse_seconds(column: RawColumn, unit: Unit = "s") -> NDArray[np.float64]:
    """``read_seconds``, NaN where a row holds no time."""
    return _in_seconds(column, parse_numbers(column, time=True)[0], unit)


def whole_seconds(numbers: NDArray[np.float64], unit: Unit) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers (N,) in a unit as seconds, rounded down, and which of them are NaN or infinite."""
    scaled = numbers / PER_SECOND[unit]
    missing = ~np.isfinite(scaled)
    bounded = np.clip(np.where(missing, 0.0, scaled), EARLIEST - 1, LATEST + 1)
    return np.floor(bounded).astype(np.int64), missing


def in_seconds(numbers: NDArray[np.float64], unit: Unit) -> NDArray[np.float64]:
    """Numbers (N,) in a unit as seconds: the whole ones, and a fraction that is rounded once."""
    return numbers // PER_SECOND[unit] + numbers % PER_SECOND[unit] / PER_SECOND[unit]


def local_seconds(instants: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """What clocks in the zone show at (N,) instants, in seconds since 1970-01-01 00:00 of these clocks."""
    if zone == "UTC" or not len(instants):
        return instants
    info = zone_info(zone)
    days, day_of_row = np.unique(instants // DAY, return_inverse=True)
    first, last = _offsets(days * DAY, info), _offsets(days * DAY + DAY - 1, info)
    offsets = first[day_of_row]
    changing = (first != last)[day_of_row]  # rows of days on which the clocks change
    different, index = np.unique(instants[changing], return_inverse=True)
    offsets[changing] = _offsets(different, info)[index]
    return instants + offsets


def zone_info(zone: str) -> ZoneInfo:
    """The rules of a zone; DataError where there is none of that name."""
    try:
        return ZoneInfo(zone)
    except (OSError, ValueError, KeyError):
        zones = available_timezones()
        if not zones:
            raise DataError(f"the rules of zone '{zone}' are not on this machine: pip install tzdata") from None
        raise DataError(f"no zone '{zone}', such as Europe/Berlin or UTC{nearest(zone, zones)}") from None


def _whole_seconds(values: pa.Array) -> NDArray[np.int64]:
    """Seconds of an array of a type of time, rounded down; 0 where missing."""
    kind = values.type
    storage = pa.int32() if types.is_date32(kind) or types.is_time32(kind) else pa.int64()
    numbers = _integers(values.cast(storage))
    if types.is_date32(kind):
        return numbers * DAY
    return numbers // (1_000 if types.is_date64(kind) else PER_SECOND[kind.unit])


def _of_numbers(values: pa.Array, unit: Unit) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds of numbers, and where they are missing; whole numbers stay exact."""
    missing = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    if types.is_integer(values.type):
        return _integers(values.cast(pa.int64(), safe=False)) // PER_SECOND[unit], missing
    seconds, infinite = whole_seconds(values.cast(pa.float64()).to_numpy(zero_copy_only=False), unit)
    return seconds, missing | infinite


def _of_texts(texts: pa.Array, unit: Unit) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds of different texts, and which say that a time is missing; beyond LATEST where a text is no time."""
    plain = pc.match_substring_regex(texts, PLAIN, ignore_case=True)
    is_number = plain.to_numpy(zero_copy_only=False)
    seconds, missing = np.full(len(texts), LATEST + 1), np.zeros(len(texts), dtype=bool)
    if is_number.any():
        numbers = pc.utf8_ltrim(pc.utf8_trim_whitespace(texts.filter(plain)), "+")
        try:
            numbers = numbers.cast(pa.int64())
        except pa.ArrowInvalid:
            numbers = numbers.cast(pa.float64())
        seconds[is_number], missing[is_number] = _of_numbers(numbers, unit)
    if not is_number.all():
        words = texts.filter(pc.invert(plain))
        seconds[~is_number] = _of_times(words)
        others = np.flatnonzero(~is_number & (seconds > LATEST))
        missing[others] = [is_mark(word) for word in texts.take(pa.array(others)).to_pylist()]
    return seconds, missing


def _of_times(texts: pa.Array) -> NDArray[np.int64]:
    for kind in TIMES_OF_TEXT:
        try:
            return _whole_seconds(texts.cast(kind))
        except pa.ArrowInvalid:
            continue
    parsed = map(parse_whole_seconds, texts.to_pylist())
    return np.array([LATEST + 1 if seconds is None else seconds for seconds in parsed], dtype=np.int64)


def _in_seconds(column: RawColumn, numbers: NDArray[np.float64], unit: Unit) -> NDArray[np.float64]:
    if unit == "s" or column.type not in ("number", "text"):
        return numbers
    seconds = in_seconds(numbers, unit)
    if column.type == "number":
        return seconds
    plain = pc.fill_null(pc.match_substring_regex(column.values, PLAIN, ignore_case=True), False)
    return np.where(plain.to_numpy(zero_copy_only=False), seconds, numbers)


def _offsets(instants: NDArray[np.int64], info: ZoneInfo) -> NDArray[np.int64]:
    """How far local time is ahead of UTC, in seconds, at (N,) instants."""
    inside = np.clip(instants, EARLIEST + 2 * DAY, LATEST - 2 * DAY)
    times = (_EPOCH + timedelta(seconds=second) for second in inside.tolist())
    offsets = (time.astimezone(info).utcoffset() or timedelta() for time in times)
    return np.fromiter((round(offset.total_seconds()) for offset in offsets), np.int64, len(instants))


def _integers(values: pa.Array) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = values.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _shown(column: RawColumn, row: int, unit: Unit) -> str:
    """The value of a row that is no time, with a hint at the unit of a number."""
    value = f"{column.value(row)!r}"
    numbers = parse_numbers(column.take(slice(row, row + 1)))[0]
    larger: tuple[Unit, ...] = ("ms", "us", "ns")
    for other in larger:
        if column.type in ("number", "text") and EARLIEST <= numbers[0] / PER_SECOND[other] <= LATEST:
            return f"{value}, which are no {unit} of the years 1 to 9999; say unit: {other}"
    return value
