"""The table that is read: 15 floats, 10 whole numbers, 10 columns of words, 3 labels, a date and a list.

Not a command: ``benchmarks.reading`` imports it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
from pyarrow import parquet

BLOCK_ROWS = 2**18  # rows that are generated at once
LEVELS = (2, 5, 20, 50, 200, 1_000, 5_000, 20_000, 50_000, 100_000)  # of the columns of words
HIGHEST = (1, 9, 19, 99, 999, 9_999, 10**5, 10**6, 10**9, 10**12)  # of the whole numbers
GAPS = 0.05  # share of rows without a value, in every third column


def write_tables(folder: Path, rows: int) -> None:
    """Write the same rows as ``table.csv`` and ``table.parquet``; tables that are there already stay."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = folder / "part.csv", folder / "part.parquet"
    if (folder / "table.csv").exists() and (folder / "table.parquet").exists():
        return
    schema = next(blocks(1)).schema
    text_schema = pa.schema([(field.name, _type_in_text(field.type)) for field in schema])
    with pyarrow.csv.CSVWriter(parts[0], text_schema) as csv, parquet.ParquetWriter(parts[1], schema) as columns:
        for block in blocks(rows):
            columns.write_table(block)
            csv.write_table(pa.table([_as_text(column) for column in block.columns], schema=text_schema))
    for part, name in zip(parts, ("table.csv", "table.parquet"), strict=True):
        part.rename(folder / name)


def blocks(rows: int) -> Iterator[pa.Table]:
    """The rows in blocks, from one stream of random numbers."""
    random = np.random.default_rng(0)
    for start in range(0, rows, BLOCK_ROWS):
        yield _block(random, min(BLOCK_ROWS, rows - start))


def _block(random: np.random.Generator, rows: int) -> pa.Table:
    score = random.normal(size=rows)
    columns: dict[str, pa.Array] = {}
    for index in range(15):
        columns[f"number{index}"] = pa.array(np.round(random.normal(size=rows) * 10.0 ** (index % 5), 4))
    for index, highest in enumerate(HIGHEST):
        columns[f"whole{index}"] = pa.array(random.integers(0, highest + 1, rows))
    for index, levels in enumerate(LEVELS):
        codes = random.integers(0, levels, rows, dtype=np.int32)
        words = pa.array([f"w{code:x} of {index}" for code in range(levels)])
        columns[f"word{index}"] = pa.DictionaryArray.from_arrays(codes, words).cast(pa.string())
    days = pa.array(random.integers(19_000, 20_000, rows, dtype=np.int32))
    columns["day"] = days.cast(pa.date32())
    lengths = random.integers(0, 6, rows)
    items = pa.array(random.integers(0, 500, lengths.sum()))
    columns["items"] = pa.ListArray.from_arrays(pa.array([0, *np.cumsum(lengths)], pa.int32()), items)
    for index, name in enumerate(list(columns)[:-2]):
        if index % 3 == 0:
            columns[name] = pa.compute.if_else(pa.array(random.random(rows) < GAPS), None, columns[name])
    columns["click"] = pa.array((score + random.normal(size=rows) > 0).astype(np.int64))
    columns["buy"] = pa.array((score + random.normal(size=rows) > 1).astype(np.int64))
    columns["amount"] = pa.array(np.round(np.exp(score + random.normal(size=rows)), 2))
    return pa.table(columns)


def _type_in_text(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_list(kind) else kind


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_list(column.type):
        return column
    return pa.chunked_array([pa.array([str(items) for items in column.to_pylist()])])
