"""Cross-validation: which rows each network of a model sees."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl_nas as mn
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import DataError


def table(rows: int = 300, positives: int = 24) -> pd.DataFrame:
    random = np.random.RandomState(0)
    size = random.standard_normal(rows)
    frame = pd.DataFrame(
        {
            "size": size,
            "color": random.choice(["red", "green"], rows),
            "user": random.randint(0, 60, rows),
            "price": size + random.standard_normal(rows),
            "buy": 0,
        }
    )
    frame.loc[random.choice(rows, positives, replace=False), "buy"] = 1
    return frame


TASKS = {"buy": {}, "price": {}}


def loaded(frame: pd.DataFrame, **split: Any) -> Dataset:
    ignore = [] if "group" in split else ["user"]
    return load_dataset(frame, TASKS, split={"folds": 5, **split}, ignore=ignore)


DATA = loaded(table())


def sizes(data: Dataset) -> np.ndarray:
    """The rows of a data set, by a number that no two of them share."""
    numbers: np.ndarray = data.rows("validation").numbers[:, 0]
    return numbers


def test_every_row_but_the_test_rows_is_held_out_once() -> None:
    assert repr(DATA) == "Dataset(frame: 270 in 5 folds + 30 rows; 1 category, 1 number, 0 sequences; tasks buy, price)"
    held_out = np.concatenate([sizes(fold) for fold in DATA.folds])
    assert sorted(held_out) == sorted(sizes(DATA))
    for fold in DATA.folds:
        train = fold.rows("train").numbers[:, 0]
        assert not set(train) & set(sizes(fold))
        assert len(train) + len(sizes(fold)) == 270
        assert (len(fold.rows("tuning")), len(fold.rows("choosing"))) == (27, 27)


def test_positions_lead_to_the_rows_of_each_fold() -> None:
    for split in ("validation", "tuning", "choosing"):
        rows = DATA.rows(split).numbers[:, 0]
        positions = DATA.held_out(split)
        assert sorted(np.concatenate(positions)) == list(range(len(rows)))
        for fold, position in zip(DATA.folds, positions, strict=True):
            assert sorted(rows[position]) == sorted(fold.rows(split).numbers[:, 0])
    assert [len(position) for position in DATA.held_out("test")] == [30] * 5


def test_a_data_set_without_folds_is_its_own_fold() -> None:
    data = load_dataset(table(), TASKS, ignore=["user"])
    assert data.folds == (data,)
    assert [len(position) for position in data.held_out("tuning")] == [15]


@given(st.integers(2, 8), st.integers(9, 60))
def test_folds_share_every_label(folds: int, positives: int) -> None:
    data = loaded(table(positives=positives), folds=folds)
    counts = [int(fold.rows("validation").labels[:, 0].sum()) for fold in data.folds]
    assert max(counts) - min(counts) <= 1
    assert sum(counts) + data.rows("test").labels[:, 0].sum() == positives
    halves = [fold.rows("choosing").labels[:, 0].sum() - fold.rows("tuning").labels[:, 0].sum() for fold in data.folds]
    assert np.abs(halves).max() <= 1


def test_groups_are_held_out_together() -> None:
    frame = table()
    data = loaded(frame, group="user")
    parts = [data.frame("test"), *(sizes(fold) for fold in data.folds)]
    users = [set(frame["user"][np.isin(frame["size"].astype(np.float32), np.float32(part))]) for part in parts[1:]]
    users.append(set(frame["user"][np.isin(frame["size"], parts[0]["size"])]))
    assert sum(map(len, users)) == len(set.union(*users)) == frame["user"].nunique()


def test_raw_rows_are_in_the_order_of_encoded_ones() -> None:
    for split in ("train", "validation", "tuning", "choosing", "test"):
        frame = DATA.frame(split)
        assert np.array_equal(frame["size"].astype(np.float32), DATA.rows(split).numbers[:, 0])


def test_folds_are_part_of_what_the_data_are(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    table().to_csv(path, index=False)
    first = load_dataset(path, TASKS, split={"folds": 5}, ignore=["user"])
    again = load_dataset(first.declaration)
    assert again.fingerprint == first.fingerprint
    assert load_dataset(path, TASKS, split={"folds": 4}, ignore=["user"]).fingerprint != first.fingerprint
    assert first.declaration.tree()["data"]["split"] == {"folds": 5, "stratified": True}
    assert any(note.startswith("5 folds: 5 networks per training") for note in first.notes)


def test_a_search_carries_folds_without_test_rows() -> None:
    carried = pickle.loads(pickle.dumps(DATA.for_search()))
    assert carried.fingerprint == DATA.fingerprint
    assert [len(fold.rows("train")) for fold in carried.folds] == [216] * 5
    with pytest.raises(DataError, match="the test split is opened once"):
        carried.rows("test")


def test_a_file_of_test_rows_leaves_all_rows_to_the_folds(tmp_path: Path) -> None:
    frame = table(400)
    frame[:300].to_csv(tmp_path / "rows.csv", index=False)
    frame[300:].to_csv(tmp_path / "held.csv", index=False)
    data = load_dataset(
        tmp_path / "rows.csv", TASKS, split={"folds": 3, "test": str(tmp_path / "held.csv")}, ignore=["user"]
    )
    assert [len(sizes(fold)) for fold in data.folds] == [100] * 3
    assert len(data.rows("test")) == 100


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"time": "size"}, "folds are drawn at random or by group, got time"),
        ({"column": "color"}, "folds are drawn at random or by group, got column"),
        ({"validation": 0.1}, "folds take turns as validation rows; leave validation out"),
        ({"stratified": False}, "folds are stratified; leave stratified out"),
        ({"folds": 1}, "greater than or equal to 2, got 1"),
        ({"group": "color"}, "the test split has 0 of 300 rows"),
    ],
)
def test_folds_that_cannot_be_say_why(split: dict[str, Any], words: str) -> None:
    with pytest.raises(DataError, match=words):
        loaded(table(), **split)


def test_too_few_positives_for_folds_are_counted() -> None:
    words = (
        "'buy' has no positive in .* and 5 in all; 6 are enough for 5 folds and test rows: label more rows, say fewer"
    )
    with pytest.raises(DataError, match=words):
        loaded(table(positives=5))
    assert all(fold.rows("validation").labels[:, 0].sum() for fold in loaded(table(positives=6)).folds)


def test_an_encoded_folder_has_no_folds(tmp_path: Path) -> None:
    table().to_csv(tmp_path / "rows.csv", index=False)
    with pytest.raises(DataError, match="folds are for tables that are small enough for memory"):
        mn.encode_table(tmp_path / "rows.csv", tmp_path / "encoded", ["buy"], split={"folds": 5})
    mn.encode_table(tmp_path / "rows.csv", tmp_path / "encoded", ["buy"])
    with pytest.raises(DataError, match="is encoded and keeps its split"):
        load_dataset(tmp_path / "encoded", split={"folds": 5})
