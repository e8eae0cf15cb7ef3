"""Predictions for a table on disk, in batches: equal to those of all rows at once."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import mtl_nas as mn
from mtl_nas.data import TableBatches
from mtl_nas.errors import DataError
from mtl_nas.model import STORED_ROWS

ROWS = 2 * STORED_ROWS + 7
EVENTS = ["click", "buy"]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = rng.normal(size=ROWS).round(3)
    size[rng.random(ROWS) < 0.1] = np.nan
    visits = pd.array(rng.integers(0, 50, ROWS), dtype="Int64")
    visits[np.arange(ROWS) == ROWS - 2] = pd.NA  # a gap in the last batch alone
    return pd.DataFrame(
        {
            "id": [f"{row:07}" for row in range(ROWS)],
            "size": size,
            "color": rng.choice(["red", "green", "blue"], ROWS),
            "visits": visits,
            "click": rng.integers(0, 2, ROWS),
            "buy": rng.integers(0, 2, ROWS),
        }
    )


@pytest.fixture(scope="module")
def model(frame: pd.DataFrame) -> mn.Model:
    data = mn.load_dataset(frame.head(500), EVENTS, ignore=["id"])
    return mn.Model(mn.build(mn.compose(mn.preset("mmoe", data.schema), data.schema)), data.schema)


def write(frame: pd.DataFrame, path: Path) -> Path:
    match path.suffix:
        case ".parquet":
            frame.to_parquet(path, row_group_size=10_000)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case _:
            frame.to_csv(path, index=False)
    return path


@pytest.mark.parametrize(("suffix", "processes"), [(".parquet", 1), (".csv", 1), (".jsonl", 1), (".parquet", 2)])
def test_batches_are_predicted_as_all_rows_at_once(tmp_path, frame, model, suffix, processes):
    table = write(frame.drop(columns=EVENTS), tmp_path / f"rows{suffix}")
    done: list[int] = []
    to = tmp_path / "scores.parquet"
    written = mn.predict_table(model, str(table), to, keep=["id", "visits"], processes=processes, progress=done.append)
    scores = pd.read_parquet(to)
    assert written == (ROWS, ("id", "visits", *EVENTS), 0)
    assert done == [STORED_ROWS, 2 * STORED_ROWS, ROWS]
    assert_frame_equal(scores[EVENTS], model.predict(frame), check_exact=True)
    assert scores["id"].equals(frame["id"])
    assert pd.to_numeric(scores["visits"]).astype("Int64").equals(frame["visits"].astype("Int64"))


def test_text_is_written_as_in_one_piece(tmp_path, frame, model):
    table = write(frame, tmp_path / "rows.parquet")
    mn.predict_table(model, str(table), tmp_path / "scores.csv", keep=["id", "visits"])
    scores = pd.read_csv(tmp_path / "scores.csv", dtype={"id": str, "visits": str}, keep_default_na=False)
    assert scores["id"].equals(frame["id"])
    assert scores["visits"].tolist() == ["" if value is pd.NA else str(value) for value in frame["visits"]]
    assert_frame_equal(scores[EVENTS], model.predict(frame), check_exact=True)


def test_a_table_without_rows_gives_the_columns_alone(tmp_path, frame, model):
    for suffix in (".csv", ".parquet"):
        table = write(frame.head(0), tmp_path / f"rows{suffix}")
        written = mn.predict_table(model, str(table), tmp_path / "scores.csv", keep=["id"])
        assert written == (0, ("id", *EVENTS), 0)
        assert (tmp_path / "scores.csv").read_text() == "id,click,buy\n"


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_names_the_row_of_the_table_and_leaves_the_older_file(tmp_path, frame, model, processes):
    broken = frame.assign(size=frame["size"].astype(object))
    broken.loc[STORED_ROWS + 3, "size"] = "big"
    table, to = write(broken, tmp_path / "rows.csv"), tmp_path / "scores.csv"
    to.write_text("older\n")
    with pytest.raises(DataError, match=rf"column 'size' is a number, but row {STORED_ROWS + 4} holds 'big'"):
        mn.predict_table(model, str(table), to, processes=processes)
    assert to.read_text() == "older\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["rows.csv", "scores.csv"]


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        (["idd"], "'idd' is to be kept and is no column of the table; did you mean 'id'?"),
        (["click"], "'click' is to be kept, and a prediction has that name too; rename the column"),
    ],
)
def test_columns_that_cannot_be_kept_are_named(tmp_path, frame, model, keep, message):
    table = write(frame.head(5), tmp_path / "rows.csv")
    with pytest.raises(DataError) as caught:
        mn.predict_table(model, str(table), tmp_path / "scores.csv", keep=keep)
    assert str(caught.value) == message


def test_batches_have_equal_numbers_of_rows_wherever_files_end(tmp_path, frame):
    for name, rows in (("a", 5), ("b", 0), ("c", 9)):
        write(frame.head(rows), tmp_path / f"{name}.parquet")
    batches = list(TableBatches([str(tmp_path / f"{name}.parquet") for name in "abc"]).read(["id"], 6))
    assert [(batch.first, len(batch)) for batch in batches] == [(0, 6), (6, 6), (12, 2)]
    ids = [batch["id"].value(row) for batch in batches for row in range(len(batch))]
    assert ids == [*frame["id"].head(5), *frame["id"].head(9)]
