"""Tables that would hang a reader or spoil a training are refused in one line."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import mtl_nas as mn
from mtl_nas.errors import DataError

FILES = Path(__file__).parents[1] / "fixtures" / "0.1.0"


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.parquet", "rows.jsonl", "rows.xlsx"])
def test_a_pipe_is_no_table(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    for table in (str(tmp_path / name), str(tmp_path / "rows.*")):
        with pytest.raises(DataError, match=r"is a pipe, which cannot be read twice; write its content to a file"):
            mn.load_dataset(table, ["y"])


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_encoded_folder_whose_index_lacks_a_split_is_refused(tmp_path: Path, split: str) -> None:
    folder = Path(shutil.copytree(FILES / "encoded", tmp_path / "encoded"))
    index = json.loads((folder / "dataset.json").read_text())
    del index["rows"][split]
    (folder / "dataset.json").write_text(json.dumps(index))
    with pytest.raises(DataError, match=rf"dataset\.json: rows names no '{split}'; encode the table again"):
        mn.load_dataset(str(folder)).encoded[split]


@pytest.mark.parametrize("label", [1e300, -1e300, 1e31])
@pytest.mark.parametrize("kind", ["regression", "count"])
def test_a_label_beyond_single_precision_is_refused_with_its_row(label: float, kind: str) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=300), "y": random.poisson(3, size=300).astype(float)})
    frame.loc[41, "y"] = abs(label) if kind == "count" else label
    with pytest.raises(DataError, match=r"task 'y': row 42 holds -?1e\+\d+, but a label is at most 1e\+30 in size"):
        mn.load_dataset(frame, {"y": {"kind": kind}})


def test_large_labels_train() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=300)})
    frame["y"] = 1e29 * (frame["x"] + random.normal(size=300) / 3)
    data = mn.load_dataset(frame, {"y": {"kind": "regression"}})
    result = mn.evaluate(mn.preset("shared_bottom", data.schema), data, mn.Training(epochs=20, learning_rate=0.01))
    assert result.scores["y"]["r2"] > 0.5


@pytest.mark.parametrize("metadata", [b"{", b"[]", b"null", b"\xff", b'{"index_columns": 3}', b"[" * 20_000])
def test_damaged_metadata_of_pandas_is_left_aside(tmp_path: Path, metadata: bytes) -> None:
    table = pa.table({"x": np.arange(300) % 7, "y": np.arange(300) % 2})
    pq.write_table(table.replace_schema_metadata({b"pandas": metadata}), tmp_path / "rows.parquet")
    assert mn.load_dataset(str(tmp_path / "rows.parquet"), ["y"]).schema.task_names == ("y",)
