"""Bodies of requests as tables, and predictions as bodies of answers."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from mtl_nas.data import RawTable, Schema, feature_columns
from mtl_nas.data.parsing.frames import object_array
from mtl_nas.errors import DataError

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
MOST_BYTES = 64 * 2**20  # of a body
FORM = 'a body is {"rows": [{column: value, ...}, ...]} or {"columns": {column: [value, ...], ...}}'


def read_table(body: bytes, kind: str, schema: Schema) -> tuple[RawTable, bool]:
    """The table of a body, and whether its JSON goes by column.

    Raises:
        DataError: The body is not of its kind, or not of the form of ``FORM``.
    """
    if kind == ARROW:
        try:
            with ipc.open_stream(body) as stream:
                return RawTable.of(stream.read_all()), True
        except (pa.ArrowException, OSError) as problem:
            raise DataError(f"the body is no Arrow stream: {str(problem).splitlines()[0]:.200}") from None
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError) as problem:
        raise DataError(f"the body is no JSON: {str(problem).splitlines()[0]:.200}") from None
    names = feature_columns(schema)
    if isinstance(tree, dict) and isinstance(tree.get("rows"), list):
        return _table(_columns_of_rows(tree["rows"], names)), False
    if isinstance(tree, dict) and isinstance(tree.get("columns"), dict):
        return _table({name: values for name, values in tree["columns"].items() if name in names}), True
    raise DataError(FORM)


def answer(scores: pd.DataFrame, kind: str, *, by_column: bool) -> bytes:
    """The body of an answer: an Arrow stream, or ``{"predictions": ...}`` row by row or by column."""
    if kind == ARROW:
        table = pa.Table.from_pandas(scores, preserve_index=False).replace_schema_metadata()
        buffer = BytesIO()
        with ipc.new_stream(buffer, table.schema) as stream:
            stream.write_table(table)
        return buffer.getvalue()
    columns = {name: scores[name].tolist() for name in scores}
    if by_column:
        return json.dumps({"predictions": columns}).encode()
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return json.dumps({"predictions": rows}).encode()


def _columns_of_rows(rows: list[Any], names: list[str]) -> dict[str, list[Any]]:
    """The values of each column; a row that lacks a column lacks its value, and no row has it where all lack it."""
    for index, row in enumerate(rows):
        if not isinstance(row, dict):
            raise DataError(f"rows[{index}] is {row!r:.40}; a row is an object with a value per column")
    present = [name for name in names if not rows or any(name in row for row in rows)]
    return {name: [row.get(name) for row in rows] for name in present}


def _table(columns: Mapping[str, Any]) -> RawTable:
    lengths = {}
    for name, values in columns.items():
        if not isinstance(values, list):
            raise DataError(f"column '{name}' is {values!r:.40}; a column is a list with a value per row")
        lengths[name] = len(values)
    for name, length in lengths.items():
        first, count = next(iter(lengths.items()))
        if length != count:
            raise DataError(f"columns have one length, got {count} values of '{first}' and {length} of '{name}'")
    arrays = {name: object_array(name, values) for name, values in columns.items()}
    return RawTable.of(pa.table(arrays))
