"""What the parsers of numbers, times, lists and levels hold to for any text."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_nas.data.parsing.levels import distinct_levels, factorize, spelled, spelling_of_texts
from mtl_nas.data.parsing.lists import read_lists
from mtl_nas.data.parsing.numeric import parse_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.parsing.times import parse_time, parse_times

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6)
TEXTS = st.sampled_from(["NA", "?", "1", "1.0", "01", "1e3", "True", "false", " 2", "-0", "a"]) | WORDS
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def text_column(texts):
    return RawColumn.of("x", pa.array(texts, pa.string()))


@given(st.lists(FLOATS | st.integers(-(2**70), 2**70), min_size=1), st.sampled_from([repr, " {} ".format, str]))
def test_a_number_is_read_as_python_reads_it(numbers, spell):
    texts = [*map(spell, numbers), *(f"+{number}" for number in numbers if str(number)[0] != "-")]
    parsed, invalid = parse_numbers(text_column(texts))
    assert parsed.tolist() == [float(text) for text in texts]
    assert not invalid.any()


@given(st.lists(st.decimals(-(10**12), 10**12, places=7), min_size=1))
def test_a_decimal_is_the_nearest_double(numbers):
    parsed, _ = parse_numbers(RawColumn.of("x", pa.array(numbers, pa.decimal128(30, 7))))
    assert parsed.tolist() == [float(number) for number in numbers]


@given(st.lists(st.integers(0, 10**9), min_size=1))
def test_money_is_read_without_its_signs(cents):
    parsed, invalid = parse_numbers(text_column([f"${value / 100:,.2f}" for value in cents]))
    assert not invalid.any()
    assert parsed.tolist() == [value / 100 for value in cents]


@given(st.lists(TEXTS, min_size=1))
def test_whether_a_text_is_a_number_does_not_depend_on_the_others(texts):
    together = parse_numbers(text_column(texts), time=True)
    alone = [parse_numbers(text_column([text]), time=True) for text in texts]
    for index, parts in enumerate(zip(*alone, strict=True)):
        np.testing.assert_array_equal(together[index], np.concatenate(parts))


@given(
    st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from([" ", "T"]),
)
def test_an_instant_is_read_as_python_reads_it(time, offset, separator):
    zoned = time.replace(tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    for moment in (time.replace(tzinfo=dt.UTC), zoned):
        since = moment - EPOCH
        expected = since // dt.timedelta(seconds=1) + since % dt.timedelta(seconds=1) / dt.timedelta(seconds=1)
        text = moment.isoformat(separator)
        assert parse_time(text) == expected
        assert parse_times(pa.array([text])).tolist() == [expected]
        assert parse_times(pa.array([text, "x"])).tolist()[0] == expected
    assert parse_time(time.isoformat(separator)) == parse_time(time.isoformat(separator) + "Z")


@pytest.mark.parametrize("unit", ["us", "ns"])
@given(st.lists(st.integers(-(10**15), 10**15), min_size=1))
def test_a_time_is_one_number_in_any_unit(unit, microseconds):
    times = pa.array(microseconds, pa.timestamp("us"))
    parsed, _ = parse_numbers(RawColumn.of("x", times.cast(pa.timestamp(unit))), time=True)
    texts = text_column([text.replace("Z", "") for text in times.cast(pa.string()).to_pylist()])
    assert parsed.tolist() == parse_numbers(texts, time=True)[0].tolist()


@given(st.timedeltas(dt.timedelta(-900), dt.timedelta(900)))
def test_a_duration_is_read_as_python_and_pandas_print_it(duration):
    import pandas as pd

    (expected,), _ = parse_numbers(RawColumn.of("x", pa.array([duration], pa.duration("us"))))
    assert parse_time(str(duration)) == expected
    assert parse_time(str(pd.Timedelta(duration))) == expected


ITEMS = st.none() | st.integers() | FLOATS | st.booleans() | WORDS


@given(st.lists(st.lists(ITEMS, max_size=5), min_size=1), st.sampled_from([json.dumps, repr]))
def test_a_list_is_read_back_from_json_and_from_python(lists, spell):
    elements, lengths = read_lists(text_column([spell(items) for items in lists]))
    assert lengths.tolist() == list(map(len, lists))
    expected = [_spelled_item(item) for items in lists for item in items]
    codes, texts = factorize(elements)
    assert [None if code < 0 else texts[code] for code in codes] == expected


def _spelled_item(item):
    if isinstance(item, float) and item.is_integer():
        return str(int(item))
    return None if item is None else str(item)


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_list_is_read_back_from_numpy(words):
    elements, _ = read_lists(text_column([str(np.array(words, dtype=object))]))
    assert elements.values.to_pylist() == words


@given(st.lists(TEXTS, min_size=1))
def test_a_level_is_its_own_spelling(texts):
    how = spelling_of_texts(texts)
    levels, _ = distinct_levels(texts)
    assert {spelled(level, how) for level in levels} == levels
