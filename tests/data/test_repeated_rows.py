"""A table of test rows that repeats rows of the table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mtl_nas as mn
from mtl_nas.data import load_dataset
from mtl_nas.errors import DataError


def table(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.RandomState(seed)
    size = random.standard_normal(rows).round(4)
    return pd.DataFrame(
        {"size": size, "city": random.choice(["a", "b"], rows), "y": (size + random.normal(size=rows) > 0).astype(int)}
    )


def written(folder: Path, frame: pd.DataFrame, test: pd.DataFrame) -> tuple[Path, Path]:
    frame.to_csv(folder / "rows.csv", index=False)
    test.to_csv(folder / "held.csv", index=False)
    return folder / "rows.csv", folder / "held.csv"


@pytest.mark.parametrize("order", [1, -1])
def test_a_test_file_that_is_the_table_is_refused(tmp_path: Path, order: int) -> None:
    frame = table(200, 0)
    rows, held = written(tmp_path, frame, frame[::order])
    with pytest.raises(DataError, match="holds the rows of the table itself"):
        load_dataset(rows, ["y"], split={"test": str(held)})
    with pytest.raises(DataError, match="holds the rows of the table itself"):
        mn.encode_table(rows, tmp_path / "encoded", ["y"], split={"test": str(held)})


def test_a_note_says_how_many_test_rows_are_train_rows(tmp_path: Path) -> None:
    frame = table(400, 0)
    rows, held = written(tmp_path, frame, pd.concat([frame[:100], table(100, 1)]))
    data = load_dataset(rows, ["y"], split={"test": str(held)})
    (note,) = [note for note in data.notes if "test rows are train rows" in note]
    assert 38 <= int(note.partition("%")[0]) <= 50
    assert data.notes == mn.encode_table(rows, tmp_path / "encoded", ["y"], split={"test": str(held)}).notes


def test_other_test_rows_need_no_note_and_neither_do_rows_that_chance_repeats(tmp_path: Path) -> None:
    for frame, test in [(table(400, 0), table(100, 1)), (table(400, 0).round(0), table(100, 1).round(0))]:
        rows, held = written(tmp_path, frame, test)
        notes = load_dataset(rows, ["y"], split={"test": str(held)}).notes
        assert not [note for note in notes if "test rows" in note]
