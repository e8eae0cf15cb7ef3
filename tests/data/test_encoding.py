import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import encode_rows, load_dataset
from mtl_nas.data.parsing.levels import text
from mtl_nas.errors import DataError


def table(rows=200):
    random = np.random.RandomState(1)
    return pd.DataFrame(
        {
            "city.of birth": random.choice(["Köln", "Roma", "東京"], rows),
            "code": random.randint(0, 5, rows),
            "amount": random.standard_normal(rows).round(3),
            "seen": [random.randint(0, 9, random.randint(0, 6)).tolist() for _ in range(rows)],
            "clicked it": random.randint(0, 2, rows),
        }
    )


@pytest.fixture(scope="module")
def data():
    frame = table()
    frame.loc[::7, "amount"] = np.nan
    frame.loc[::5, "city.of birth"] = None
    return load_dataset(frame, ["clicked it"])


def test_one_level_has_one_spelling_in_every_type():
    assert {text(value) for value in (1, 1.0, "1", "1.0", np.int8(1), np.float32(1))} == {"1"}
    assert text(np.float32(0.1)) == "0.1"
    assert text("1.05") == "1.05"
    assert text("01") == "01"


@pytest.mark.parametrize("kind", [int, float, str, "Int64", "category", object])
def test_a_category_is_encoded_alike_from_every_type(data, kind):
    frame = table()
    assert np.array_equal(
        encode_rows(frame.astype({"code": kind}), data.schema, labels=False).categories,
        encode_rows(frame, data.schema, labels=False).categories,
    )


def test_numbers_may_come_as_text(data):
    frame = data.frame("test")
    as_text = frame.astype({"amount": str})
    as_text.loc[as_text["amount"] == "nan", "amount"] = ""
    assert np.array_equal(
        encode_rows(as_text, data.schema, labels=False).numbers, data.rows("test").numbers, equal_nan=True
    )


def test_text_in_a_number_is_named_with_its_row(data):
    frame = data.frame("test").astype({"amount": str})
    frame.loc[3, "amount"] = "lots"
    with pytest.raises(DataError, match="column 'amount' is a number, but row 4 holds 'lots'"):
        encode_rows(frame, data.schema, labels=False)


def test_unseen_levels_are_id_0_and_missing_ones_a_level(data):
    frame = data.frame("train")[:3].copy()
    frame["city.of birth"] = ["Atlantis", None, "Roma"]
    frame["code"] = ["99", None, "3"]
    column = data.schema.categories[0]
    rows = encode_rows(frame, data.schema, labels=False)
    assert column.levels == ("Köln", "Roma", "東京", None)
    assert rows.categories[:, 0].tolist() == [0, 4, 2]
    assert rows.categories[:, 1].tolist() == [0, 0, 4]  # train rows were never missing there


def test_an_infinite_number_is_missing(data):
    frame = data.frame("train")[:2].copy()
    frame["amount"] = [np.inf, 1e300]
    assert np.isnan(encode_rows(frame, data.schema, labels=False).numbers[:, 0]).all()


def test_the_latest_behaviours_are_kept_and_padding_stands_at_the_end(data):
    sequence = data.schema.sequences[0]
    frame = data.frame("train")[:4].copy()
    frame["seen"] = [[1, 2], [], None, [8, *range(sequence.length - 1), 77]]
    rows = encode_rows(frame, data.schema, labels=False)
    ids = rows.sequences["seen"][:, 0]
    level = {name: 2 + place for place, name in enumerate(sequence.columns[0].levels)}
    assert ids[0].tolist() == [level["1"], level["2"], *[0] * (sequence.length - 2)]
    assert not ids[1:3].any()
    assert ids[3].tolist() == [*(level[str(item)] for item in range(sequence.length - 1)), 1]
    assert rows.numbers[:, -1].tolist() == [2, 0, 0, sequence.length + 1]  # length(seen)
    assert data.schema.numbers[-1].name == "length(seen)"


@pytest.mark.parametrize("spelled", ["[1, 2]", "1 2", "1|2", "1,2", "[1 2]", "['1', '2']"])
def test_a_list_may_be_spelled_as_text(data, spelled):
    frame = data.frame("train")[:1].copy()
    expected = encode_rows(frame.assign(seen=[[1, 2]]), data.schema, labels=False)
    assert np.array_equal(
        encode_rows(frame.assign(seen=[spelled]), data.schema, labels=False).sequences["seen"],
        expected.sequences["seen"],
    )


def test_missing_columns_are_listed(data):
    with pytest.raises(DataError, match=r"lacks 2 columns: 'city\.of birth', 'code'"):
        encode_rows(table().drop(columns=["city.of birth", "code"]), data.schema, labels=False)
    with pytest.raises(DataError, match="lacks 1 column: 'clicked it'"):
        encode_rows(table().drop(columns="clicked it"), data.schema, labels=True)


def test_arrays_are_contiguous_and_typed(data):
    for split in ("train", "tuning", "choosing", "test"):
        for name, array in data.rows(split).arrays():
            assert array.flags.c_contiguous, name
            assert array.dtype in (np.int32, np.float32)


def test_no_rows_are_encoded_too(data):
    rows = encode_rows(table()[:0], data.schema, labels=True)
    assert len(rows) == 0
    assert rows.sequences["seen"].shape == (0, 1, data.schema.sequences[0].length)
