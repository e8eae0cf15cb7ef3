import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mtl_nas.data import read_table
from mtl_nas.data.parsing.numeric import read_numbers
from mtl_nas.errors import DataError

FRAME = pd.DataFrame({"a b": [1, 2, 3], "größe.cm": [0.5, None, 2.0], "c": ["x", "y", None]})


@pytest.mark.parametrize(
    "name", ["t.csv", "t.csv.gz", "t.csv.bz2", "t.csv.zst", "t.csv.xz", "t.tsv", "t.tab", "t.parquet", "t.pq"]
)
def test_every_format_gives_the_same_table(tmp_path, name):
    path = tmp_path / name
    if "parquet" in name or "pq" in name:
        FRAME.to_parquet(path)
    elif name.endswith(".zst"):
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(FRAME.to_csv(index=False).encode())
    else:
        FRAME.to_csv(path, sep="," if "csv" in name else "\t", index=False)
    table = read_table(path)
    assert table.names == list(FRAME)
    for name in ("a b", "größe.cm"):
        np.testing.assert_array_equal(read_numbers(table[name]), FRAME[name])
    assert [table["c"].value(row) for row in range(3)] == ["x", "y", None]


def test_a_folder_of_parquet_is_one_table(tmp_path):
    FRAME[:2].to_parquet(tmp_path / "part-0.parquet")
    FRAME[2:].to_parquet(tmp_path / "part-1.parquet")
    assert len(read_table(tmp_path)) == 3


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8-sig")
    assert read_table(path).names == ["a", "b"]


def test_an_unreadable_table_says_what_is_wrong(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "one.csv").write_text("a;b\n1;2\n")
    (tmp_path / "latin.csv").write_bytes("a,b\nä,1\n".encode("latin-1"))
    (tmp_path / "t.xls").write_text("x")
    (tmp_path / "t.xlsx").write_text("x")
    (tmp_path / "bad.parquet").write_text("no parquet")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 99)[:-12])
    (tmp_path / "plain.csv.gz").write_text("a,b\n1,2\n")
    (tmp_path / "folder").mkdir()
    reasons = {
        "missing.csv": "no table",
        "empty.csv": "empty table",
        "header.csv": "empty table",
        "one.csv": "one column, 'a;b'",
        "latin.csv": "not UTF-8",
        "t.xls": "no known suffix",
        "t.xlsx": "no Excel workbook",
        "bad.parquet": "not Parquet",
        "twice.csv": "two columns named 'a'",
        "ragged.csv": "no table",
        "cut.csv.gz": "cannot be unpacked",
        "plain.csv.gz": "cannot be unpacked",
        "folder": "holds no Parquet",
    }
    for name, words in reasons.items():
        with pytest.raises(DataError, match=words) as caught:
            read_table(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_name_may_have_more_than_one_line(tmp_path):
    frame = pd.DataFrame({"stars\n5: [bold]": [1, 2], "a,b": ["x\ny", "z"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    table = read_table(tmp_path / "t.csv")
    assert table.names == list(frame)
    assert [table["a,b"].value(row) for row in range(2)] == ["x\ny", "z"]


def test_files_whose_types_no_common_type_holds_are_refused(tmp_path):
    for name, values in (("a", [2**60 + 1, 2**60 + 2]), ("b", [0.5, 1.5])):
        pd.DataFrame({"id": values, "x": [1, 2]}).to_parquet(tmp_path / f"{name}.parquet")
    with pytest.raises(DataError, match="give a column types that no common type holds: .*; write that column with"):
        read_table(tmp_path)
