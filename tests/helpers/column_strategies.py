"""Hypothesis strategies for columns of every kind, as ``containers.Column``."""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from containers import Column
from hypothesis import strategies as st

ZONES = ("UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata", "Pacific/Apia")
WORDS = (
    "NA",
    "None",
    "null",
    "nan",
    "n/a",
    "?",
    "-",
    "true",
    "oslo",
    "new york",
    'a "b"',
    "it's",
    "a,b",
    "ä\tö",
    "x\ny",
)

Drawn = Callable[[st.DrawFn, int], Column]
COLUMNS: dict[str, Drawn] = {}


def column_of(name: str) -> Callable[[Drawn], Drawn]:
    """Register how a kind of column is drawn."""

    def register(draw: Drawn) -> Drawn:
        COLUMNS[name] = draw
        return draw

    return register


def _spread(draw: st.DrawFn, pool: Sequence[Any], rows: int) -> list[Any]:
    """Values of a pool in any order, some of them missing; the first rows hold the first values."""
    random = np.random.default_rng(draw(st.integers(0, 99)))
    gaps = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    values = [*pool, *(pool[index] for index in random.integers(0, len(pool), rows))][:rows]
    return [None if random.random() < gaps else value for value in values]


def _column(values: Sequence[Any], kind: pa.DataType, spell: Callable[[Any], str] = str) -> Column:
    array = pa.array(values, kind)
    return Column(array, [None if value is None else spell(value) or None for value in values])


def _pool(draw: st.DrawFn, values: st.SearchStrategy[Any], fewest: int, most: int) -> list[Any]:
    return draw(st.lists(values, min_size=fewest, max_size=most, unique=True))


def _number(value: float) -> str:
    return repr(float(value))


@column_of("few whole numbers")
def _(draw: st.DrawFn, rows: int) -> Column:
    values = _spread(draw, _pool(draw, st.integers(-9, 99), 2, 12), rows)
    return _column(
        values, draw(st.sampled_from([pa.int64(), pa.float64(), pa.int16()])), _number if draw(st.booleans()) else str
    )


@column_of("many whole numbers")
def _(draw: st.DrawFn, rows: int) -> Column:
    return _column(_spread(draw, _pool(draw, st.integers(-(10**9), 10**9), 21, 40), rows), pa.int64())


@column_of("floats")
def _(draw: st.DrawFn, rows: int) -> Column:
    number = st.floats(-1e30, 1e30, allow_subnormal=False)
    return _column(_spread(draw, _pool(draw, number, 3, 30), rows), pa.float64(), repr)


@column_of("floats far from 0")
def _(draw: st.DrawFn, rows: int) -> Column:
    number = st.floats(1.7e9, 1.7e9 + 60)
    return _column(_spread(draw, _pool(draw, number, 3, 30), rows), pa.float64(), repr)


@column_of("float32")
def _(draw: st.DrawFn, rows: int) -> Column:
    number = st.floats(-1e6, 1e6, width=32, allow_subnormal=False).map(np.float32)
    return _column(_spread(draw, _pool(draw, number, 3, 30), rows), pa.float32())


@column_of("decimals")
def _(draw: st.DrawFn, rows: int) -> Column:
    places = draw(st.integers(0, 6))
    number = st.integers(-(10**9), 10**9).map(lambda value: Decimal(value).scaleb(-places))
    pool = _pool(draw, number, 2, 30)
    return _column(_spread(draw, pool, rows), pa.decimal128(20, places), lambda value: format(value, "f"))


@column_of("ids above 2^53")
def _(draw: st.DrawFn, rows: int) -> Column:
    first = draw(st.sampled_from([2**53, 2**60, 2**63 - 99]))
    pool = [first + step for step in _pool(draw, st.integers(0, 40), 2, 30)]
    return _column(_spread(draw, pool, rows), pa.int64())


@column_of("codes")
def _(draw: st.DrawFn, rows: int) -> Column:
    return _column(_spread(draw, _pool(draw, st.from_regex(r"\A0?[0-9]{3}\Z"), 2, 20), rows), pa.string())


@column_of("booleans")
def _(draw: st.DrawFn, rows: int) -> Column:
    spell = draw(st.sampled_from([str, lambda value: str(value).lower(), lambda value: str(value).upper()]))
    return _column(_spread(draw, [True, False], rows), pa.bool_(), spell)


@column_of("words for true and false")
def _(draw: st.DrawFn, rows: int) -> Column:
    return _column(_spread(draw, ["true", "False", "TRUE"], rows), pa.string())


@column_of("words")
def _(draw: st.DrawFn, rows: int) -> Column:
    word = st.sampled_from(WORDS) | st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=5)
    return _column(_spread(draw, [*_pool(draw, word, 2, 12), "wort"], rows), pa.string())._replace(words=True)


@column_of("numbers with marks")
def _(draw: st.DrawFn, rows: int) -> Column:
    number = draw(st.sampled_from([st.integers(0, 9).map(str), st.floats(-9, 9, allow_subnormal=False).map(repr)]))
    mark = st.sampled_from(["NA", "NaN", "null", "None", "?", "-", " ", "n/a"])
    pool = [*_pool(draw, number, 3, 30), *_pool(draw, mark, 1, 3)]
    return _column(_spread(draw, pool, rows), pa.string())


@column_of("money")
def _(draw: st.DrawFn, rows: int) -> Column:
    number = st.integers(0, 10**7).map(lambda cents: f"${cents / 100:,.2f}")
    return _column(_spread(draw, _pool(draw, number, 3, 30), rows), pa.string())


@column_of("dates")
def _(draw: st.DrawFn, rows: int) -> Column:
    day = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
    return _column(_spread(draw, _pool(draw, day, 2, 30), rows), pa.date32())


def _moments(draw: st.DrawFn, rows: int) -> list[Any]:
    """Instants in whole milliseconds or microseconds, in one hour or in a century."""
    first = draw(st.sampled_from([1_729_980_000, 0, -1_000_000_000]))
    span = draw(st.sampled_from([3_600, 10**9]))
    step = draw(st.sampled_from([1, 1_000, 1_000_000]))  # microseconds
    ticks = st.integers(0, span * 10**6 // step).map(lambda tick: first * 10**6 + tick * step)
    return _spread(draw, _pool(draw, ticks, 2, 30), rows)


def _moment(microseconds: int, zone: str = "UTC") -> dt.datetime:
    instant = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=microseconds)
    return instant.astimezone(ZoneInfo(zone))


@column_of("naive times")
def _(draw: st.DrawFn, rows: int) -> Column:
    separator, unit = draw(st.sampled_from([" ", "T"])), draw(st.sampled_from(["us", "ns"]))
    values = _moments(draw, rows)
    array = pa.array(values, pa.timestamp("us")).cast(pa.timestamp(unit))
    return Column(array, [None if v is None else _moment(v).replace(tzinfo=None).isoformat(separator) for v in values])


@column_of("zoned times")
def _(draw: st.DrawFn, rows: int) -> Column:
    zone, unit = draw(st.sampled_from(ZONES)), draw(st.sampled_from(["us", "ns"]))
    written = draw(st.sampled_from(ZONES))
    values = _moments(draw, rows)
    array = pa.array(values, pa.timestamp("us", zone)).cast(pa.timestamp(unit, zone))
    return Column(array, [None if v is None else _moment(v, written).isoformat(" ") for v in values])


@column_of("times of day")
def _(draw: st.DrawFn, rows: int) -> Column:
    clock = st.times() if draw(st.booleans()) else st.times().map(lambda value: value.replace(microsecond=0))
    return _column(_spread(draw, _pool(draw, clock, 2, 30), rows), pa.time64("us"), lambda value: value.isoformat())


@column_of("durations")
def _(draw: st.DrawFn, rows: int) -> Column:
    seconds = st.integers(-(10**6), 10**6).map(lambda value: dt.timedelta(seconds=value))
    exact = st.integers(-(10**9), 10**9).map(lambda value: dt.timedelta(microseconds=value))
    return _column(_spread(draw, _pool(draw, draw(st.sampled_from([seconds, exact])), 2, 30), rows), pa.duration("us"))


def _lists(draw: st.DrawFn, rows: int, item: st.SearchStrategy[Any]) -> list[Any]:
    return _spread(draw, draw(st.lists(st.lists(item, max_size=4), min_size=2, max_size=12)), rows)


@column_of("lists of words")
def _(draw: st.DrawFn, rows: int) -> Column:
    words = st.sampled_from([*WORDS, "", None, "[x]", "1"])
    spell = draw(st.sampled_from([json.dumps, repr]))
    return _column(_lists(draw, rows, words), pa.list_(pa.string()), spell)


@column_of("lists of numbers")
def _(draw: st.DrawFn, rows: int) -> Column:
    whole = draw(st.booleans())
    item = st.integers(-9, 2**60) if whole else st.floats(-1e9, 1e9, allow_subnormal=False)
    spell = draw(st.sampled_from([json.dumps, repr]))
    return _column(_lists(draw, rows, item | st.none()), pa.list_(pa.int64() if whole else pa.float64()), spell)
