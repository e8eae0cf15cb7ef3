"""Folders of Parquet whose parts give one column several types."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mtl_nas.data import read_table
from mtl_nas.data.parsing.numeric import read_numbers

NOON = dt.datetime(2024, 1, 1, 12)


def folder(path, *parts):
    path.mkdir()
    for index, part in enumerate(parts):
        pq.write_table(pa.table({"x": part, "row": np.arange(len(part))}), path / f"part-{index}.parquet")
    return path


@pytest.mark.parametrize(
    ("parts", "values"),
    [
        ((pa.array([1], pa.int8()), pa.array([2**60])), [1, 2**60]),
        ((pa.array([1], pa.int8()), pa.array([2.5])), [1.0, 2.5]),
        ((pa.array([1.5], pa.float32()), pa.array([2.5])), [1.5, 2.5]),
        ((pa.array([1]), pa.array(["A7"])), ["1", "A7"]),
        ((pa.array(["a"]), pa.array(["b"]).dictionary_encode()), ["a", "b"]),
        ((pa.array([True]), pa.array(["no"])), ["true", "no"]),
        ((pa.array([None], pa.null()), pa.array([["a"]])), [[], ["a"]]),
        ((pa.array([[1]], pa.list_(pa.int32())), pa.array([["a"]])), [["1"], ["a"]]),
    ],
)
def test_parts_of_several_types_are_read_with_a_type_that_holds_them_all(tmp_path, parts, values):
    column = read_table(folder(tmp_path / "table", *parts))["x"]
    assert [column.value(row) for row in range(len(column))] == values


@pytest.mark.parametrize("kind", [pa.timestamp("ns"), pa.timestamp("ms", "Asia/Tokyo"), pa.date32()])
def test_times_of_several_units_and_zones_stay_the_instants_that_they_are(tmp_path, kind):
    other = pa.array([NOON], pa.timestamp("us")).cast(kind)
    column = read_table(folder(tmp_path / "table", pa.array([NOON], pa.timestamp("us")), other))["x"]
    noon = NOON.replace(tzinfo=dt.UTC).timestamp()
    assert read_numbers(column, time=True).tolist() == [noon, noon if kind != pa.date32() else noon - 43_200]


def test_folders_that_name_a_value_may_have_parts_of_several_types(tmp_path):
    folder(tmp_path / "year=2023", pa.array([1], pa.int8()))
    folder(tmp_path / "year=2024", pa.array([2.5]))
    table = read_table(tmp_path)
    assert [table["year"].value(row) for row in range(2)] == [2023, 2024]
    assert read_numbers(table["x"]).tolist() == [1, 2.5]
