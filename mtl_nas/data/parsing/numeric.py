"""Columns read as numbers, in double precision."""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing.marks import is_mark
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.parsing.times import parse_times, seconds
from mtl_nas.errors import DataError

PLAIN = r"^\s*[-+]?(\d+\.?\d*|\.\d+|\d+\.?\d*e[-+]?\d+|\.\d+e[-+]?\d+|inf|infinity)\s*$"
MARKED = r"\s*([-+]?)([$€£¥]?)\s?(\d{1,3}(?:,\d{3})+|\d+)(\.\d+)?\s?([%$€£¥]?)\s*"


def read_numbers(column: RawColumn, *, time: bool = False, what: str = "a number") -> NDArray[np.float64]:
    """One float per row, as ``parse_numbers`` reads it; DataError naming the first row that spells no number.

    ``what`` says in the error what the column is.
    """
    numbers, invalid = parse_numbers(column, time=time)
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise DataError(f"column '{column.name}' is {what}, but row {row + 1} holds {column.value(row)!r}")
    return numbers


def parse_numbers(column: RawColumn, *, time: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers, NaN where missing or infinite, and the rows whose value spells no number; (N,) each.

    Times are seconds (see ``times``); ``time`` says that a text may spell one, and that zones count. Text may have a
    currency sign, a percent sign and thousands separators: ``$1,234.50``. A mark such as ``NA`` or ``?`` is missing.
    """
    values, valid = column.values, np.zeros(len(column), dtype=bool)
    if column.type == "time":
        return seconds(column, wall=not time), valid
    if column.type == "text":
        return _parse_text(column, time=time)
    if column.type in ("list", "other"):
        return np.full(len(column), np.nan), ~column.missing
    if column.type == "none":
        return np.full(len(column), np.nan), valid
    numbers = _doubles(values)
    return np.where(np.isfinite(numbers), numbers, np.nan), valid


def marked_number(text: str) -> float | None:
    """The number of a text with a currency sign, a percent sign or thousands separators; None where it is none.

    >>> marked_number("$1,234.50"), marked_number("12 %"), marked_number("1,2")
    (1234.5, 12.0, None)
    """
    match = re.fullmatch(MARKED, text)
    if match is None or (match[2] and match[5]):
        return None
    return float(f"{match[1]}{match[3].replace(',', '')}{match[4] or ''}")


def single_precision(numbers: NDArray[np.float64], origin: float = 0.0) -> NDArray[np.float32]:
    """The numbers, counted from ``origin``, as float32; NaN where a number is too large."""
    with np.errstate(over="ignore"):
        single = (numbers - origin if origin else numbers).astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return single


def _doubles(values: pa.Array) -> NDArray[np.float64]:
    """Numbers or booleans as floats, NaN where missing."""
    if types.is_decimal(values.type):
        values = values.cast(pa.string()).cast(pa.float64())  # the nearest float, as of text
    if types.is_boolean(values.type):
        values = values.cast(pa.int64())
    numbers: NDArray[np.float64] = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return numbers


def _parse_text(column: RawColumn, *, time: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    plain = column.plain_numbers
    if plain is not None:
        return plain, np.zeros(len(column), dtype=bool)
    texts = column.encoded.dictionary
    codes = column.encoded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    numbers, invalid = _parse_texts(texts, time=time)
    return np.append(numbers, np.nan)[codes], np.append(invalid, False)[codes]


def _parse_texts(texts: pa.Array, *, time: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Different texts: their numbers, NaN where infinite, and which are no numbers."""
    plain = pc.match_substring_regex(texts, PLAIN, ignore_case=True)
    trimmed = pc.utf8_ltrim(pc.utf8_trim_whitespace(texts), "+")
    numbers = _doubles(pc.if_else(plain, trimmed, pa.scalar(None, pa.large_string())).cast(pa.float64()))
    others = np.flatnonzero(~plain.to_numpy(zero_copy_only=False))
    invalid = np.zeros(len(texts), dtype=bool)
    numbers[others], invalid[others] = _parse_others(texts.take(pa.array(others)), time=time)
    return np.where(np.isfinite(numbers), numbers, np.nan), invalid


def _parse_others(texts: pa.Array, *, time: bool) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Different texts that are no plain numbers: their numbers, and which are no numbers at all."""
    numbers = parse_times(texts) if time and len(texts) else np.full(len(texts), np.nan)
    others = np.flatnonzero(np.isnan(numbers))  # no text is a time and a number with a sign
    words = texts.take(pa.array(others)).to_pylist()
    marked = [marked_number(word) for word in words]
    numbers[others] = [np.nan if number is None else number for number in marked]
    invalid = np.isnan(numbers)
    invalid[others] &= ~np.array([is_mark(word) for word in words], dtype=bool)
    return numbers, invalid
