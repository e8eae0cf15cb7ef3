"""One table in every container that people keep tables in, for tests that hold the containers to one reading.

A column is given twice: as typed values, which typed containers hold, and as the text that a file of text holds.
"""

import csv
import gzip
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

NULLABLE = {
    pa.int64(): pd.Int64Dtype(),
    pa.float64(): pd.Float64Dtype(),
    pa.float32(): pd.Float32Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.string(): pd.StringDtype(),
}


class Column(NamedTuple):
    """N values with a type, the N fields that spell them, None where empty, and whether they are plain words."""

    values: pa.Array
    fields: list[str | None]
    words: bool = False


Table = Mapping[str, Column]


def arrow_table(table: Table) -> pa.Table:
    return pa.table({name: column.values for name, column in table.items()})


def numpy_frame(table: Table) -> pd.DataFrame:
    """The frame that a user makes of Python and numpy values; whole numbers with gaps stay integers."""
    return pd.DataFrame({name: _numpy_column(column.values) for name, column in table.items()})


def _numpy_column(values: pa.Array) -> Any:
    if (pa.types.is_integer(values.type) and values.null_count) or pa.types.is_list(values.type):
        return pd.Series(values.to_pylist(), dtype=object)
    return values.to_pandas()


def nullable_frame(table: Table) -> pd.DataFrame:
    return arrow_table(table).to_pandas(types_mapper=NULLABLE.get, integer_object_nulls=True)


def arrow_frame(table: Table) -> pd.DataFrame:
    return arrow_table(table).to_pandas(types_mapper=pd.ArrowDtype)


def categorical_frame(table: Table) -> pd.DataFrame:
    """The numpy frame with text columns of words as categories."""
    frame = numpy_frame(table)
    return frame.astype({name: "category" for name, column in table.items() if column.words})


def polars_frame(table: Table) -> Any:
    import polars

    return polars.from_arrow(arrow_table(table))


def write_csv(table: Table, path: Path) -> Path:
    separator = "\t" if path.suffix == ".tsv" else ","
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=separator)
        writer.writerow(table)
        rows = zip(*(column.fields for column in table.values()), strict=True)
        writer.writerows([["" if text is None else text for text in row] for row in rows])
    return path


def write_gz(table: Table, path: Path) -> Path:
    plain = write_csv(table, path.with_name("plain.csv"))
    path.write_bytes(gzip.compress(plain.read_bytes(), 1))
    return path


def write_zst(table: Table, path: Path) -> Path:
    plain = write_csv(table, path.with_name("plain.csv"))
    with pa.CompressedOutputStream(str(path), "zstd") as file:
        file.write(plain.read_bytes())
    return path


def write_parquet_by_pandas(table: Table, path: Path) -> Path:
    numpy_frame(table).to_parquet(path)
    return path


def write_parquet_by_arrow(table: Table, path: Path) -> Path:
    pq.write_table(arrow_table(table), path, row_group_size=17)
    return path


def write_folder_by_spark(table: Table, path: Path) -> Path:
    """Parts of uneven length, compressed by snappy; zones are lost, instants stay; parts narrow their types."""
    path.mkdir()
    rows = arrow_table(table)
    for index, (start, stop) in enumerate([(0, 11), (11, 12), (12, len(rows))]):
        part = rows.slice(start, stop - start)
        columns = {name: part[name] for name in part.column_names}
        if index == 0:
            columns = {name: _narrowed(values) for name, values in columns.items()}
        pq.write_table(
            pa.table(columns),
            path / f"part-0000{index}-7b1e.c000.snappy.parquet",
            compression="snappy",
            store_schema=False,
            use_deprecated_int96_timestamps=index != 1,
        )
    (path / "_SUCCESS").touch()
    return path


def _narrowed(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values in a smaller type that holds them all."""
    for small in {pa.int64(): [pa.int8(), pa.int32()], pa.float64(): [pa.float32()]}.get(values.type, []):
        narrow = None
        try:
            narrow = values.cast(small)
        except pa.ArrowInvalid:
            continue
        if narrow.cast(values.type).equals(values):
            return narrow
    return values.cast(pa.null()) if values.null_count == len(values) else values


FRAMES: dict[str, Callable[[Table], Any]] = {
    "frame with numpy dtypes": numpy_frame,
    "frame with nullable dtypes": nullable_frame,
    "frame with Arrow dtypes": arrow_frame,
    "frame with categories": categorical_frame,
    "Arrow table": arrow_table,
    **({"polars frame": polars_frame} if importlib.util.find_spec("polars") else {}),
}
FILES: dict[str, tuple[str, Callable[[Table, Path], Path]]] = {
    "CSV": ("table.csv", write_csv),
    "CSV by gzip": ("table.csv.gz", write_gz),
    "CSV by zstd": ("table.csv.zst", write_zst),
    "TSV": ("table.tsv", write_csv),
    "Parquet by pandas": ("pandas.parquet", write_parquet_by_pandas),
    "Parquet by Arrow": ("arrow.parquet", write_parquet_by_arrow),
    "Parquet by Spark": ("spark", write_folder_by_spark),
}
