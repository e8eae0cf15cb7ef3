"""Rows that count differently, and groups of rows that are tasks of their own."""

import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import load_dataset
from mtl_nas.errors import DataError

RANDOM = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {
        "x": RANDOM.standard_normal(400),
        "shop": RANDOM.choice(["a", "b"], 400),
        "w": RANDOM.uniform(0.5, 3.0, 400),
        "click": np.resize([0, 1], 400),
    }
)


def test_weights_go_with_their_rows_and_are_no_feature():
    data = load_dataset(FRAME, ["click"], weight="w")
    assert [column.name for column in (*data.schema.categories, *data.schema.numbers)] == ["shop", "x"]
    for split in ("train", "tuning", "choosing", "test"):
        rows = data.rows(split)
        assert rows.weights.dtype == np.float32
        assert np.array_equal(rows.weights, FRAME["w"].iloc[data.raw.parts[split]].to_numpy(np.float32))
        assert np.array_equal(rows.take(np.array([3, 1])).weights, rows.weights[[3, 1]])
    assert "column 'w' weighs the rows in the losses, not in the scores" in data.notes
    assert load_dataset(FRAME, ["click"], ignore=["w"]).rows("train").weights is None


def test_other_weights_are_other_data():
    prints = [load_dataset(frame, ["click"], weight="w").fingerprint for frame in (FRAME, FRAME.assign(w=1))]
    assert prints[0] != prints[1]
    assert load_dataset(FRAME, ["click"], weight="w").declaration.tree()["data"]["weight"] == "w"


def test_rows_that_are_dropped_take_their_weights_along():
    frame = FRAME.assign(buy=np.where(FRAME.index < 40, 1 - FRAME["click"], FRAME["click"] * RANDOM.randint(0, 2, 400)))
    data = load_dataset(frame, {"click": {}, "buy": {"after": "click"}}, weight="w", violations="drop")
    rows = np.sort(np.concatenate(list(data.raw.parts.values())))
    assert np.array_equal(rows, np.flatnonzero(~((frame["click"] == 0) & (frame["buy"] == 1))))
    assert len(rows) == 380
    assert np.array_equal(data.rows("train").weights, frame["w"].iloc[data.raw.parts["train"]].to_numpy(np.float32))


@pytest.mark.parametrize(
    ("value", "words"),
    [(np.nan, "is missing"), (-0.5, "is -0.5"), (0.0, "is 0.0"), ("much", "is much"), (np.inf, "is inf")],
)
def test_a_weight_that_is_no_positive_number_is_refused(value, words):
    frame = FRAME.astype({"w": object})
    frame.loc[7, "w"] = value
    with pytest.raises(
        DataError,
        match=f"^column 'w' weighs the rows, but {words} in row 8; a weight is a positive number: mend",
    ):
        load_dataset(frame, ["click"], weight="w")


@pytest.mark.parametrize(("rows", "words"), [(1, "1 row of 'c'"), (2, "2 rows of 'c'")])
def test_a_group_that_is_not_in_every_split_is_refused(rows, words):
    frame = FRAME.copy()
    frame.loc[frame.index < rows, "shop"] = "c"
    with pytest.raises(DataError, match=f"^group 'shop' has {words}, none in the .* split; every group needs"):
        load_dataset(frame, ["click"], group="shop", ignore=["w"])
    load_dataset(frame[rows:], ["click"], group="shop", ignore=["w"])


def test_properties_of_another_length_than_their_items_are_refused():
    frame = FRAME.assign(seen=[[1, 2, 3]] * 400, price=[[4, 5, 6]] * 4 + [[4, 5]] + [[4, 5, 6]] * 395)
    with pytest.raises(DataError, match="^sequence 'h': row 5 has 3 values in 'seen' and 2 in 'price'; every item has"):
        load_dataset(frame, ["click"], sequences={"h": {"items": "seen", "properties": ["price"]}})
