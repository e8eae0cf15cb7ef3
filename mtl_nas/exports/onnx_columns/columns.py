"""All columns of a schema as inputs of a graph, and the encoded rows that are made of them."""

from typing import NamedTuple

import numpy as np

from mtl_nas.data import Category, HistoryColumns, Schema, feature_columns
from mtl_nas.exports.onnx_columns.builder import DOUBLE, FLOAT, INT64, TEXT, GraphBuilder
from mtl_nas.exports.onnx_columns.calendar import calendar_ids
from mtl_nas.exports.onnx_columns.numbers import number, whole_seconds, without_marks
from mtl_nas.exports.onnx_columns.texts import text_ids
from mtl_nas.exports.raw_columns import MISSING_TEXT, ColumnInput


class EncodedNames(NamedTuple):
    """Tensors of encoded rows: categories (rows, C) int64, numbers (rows, M) float32, sequences (rows, columns, L)."""

    categories: str
    numbers: str
    sequences: tuple[str, ...]


def add_columns(graph: GraphBuilder, schema: Schema) -> EncodedNames:
    """Add what encodes raw columns, whose tensors have the names of the columns."""
    marks = {name: {*schema.missing.get("*", ()), *schema.missing.get(name, ())} for name in feature_columns(schema)}
    histories = {f"length({history.name})": history for history in schema.sequences}
    categories = [_category(graph, column, marks[column.source]) for column in schema.categories]
    numbers = [
        _length(graph, histories[column.name])
        if column.name in histories
        else number(graph, without_marks(graph, column.name, marks[column.name]), column)
        for column in schema.numbers
    ]
    name, *_ = feature_columns(schema)
    rows = graph.op("Slice", graph.op("Shape", name), *(graph.constant([bound], np.int64) for bound in (0, 1)))
    return EncodedNames(
        categories=_beside(graph, categories, rows, INT64),
        numbers=_beside(graph, numbers, rows, FLOAT),
        sequences=tuple(_history(graph, history) for history in schema.sequences),
    )


def _category(graph: GraphBuilder, column: Category, marks: set[str]) -> str:
    if column.calendar is None:
        return text_ids(graph, column.name, column.levels, marks, 1)
    seconds, missing = whole_seconds(graph, without_marks(graph, column.source, marks), column.calendar.unit)
    return calendar_ids(graph, seconds, missing, column)


def _beside(graph: GraphBuilder, columns: list[str], rows: str, dtype: int) -> str:
    """Columns (rows,) as (rows, columns)."""
    if not columns:
        shape = graph.op("Concat", rows, graph.constant([0], np.int64), axis=0)
        return graph.cast(graph.op("ConstantOfShape", shape), dtype)
    axis = graph.constant([1], np.int64)
    return graph.op("Concat", *(graph.op("Unsqueeze", column, axis) for column in columns), axis=1)


def _counts(graph: GraphBuilder, history: HistoryColumns) -> str:
    """Number of items of each row, (rows, 1) int64."""
    filled = graph.op("Not", graph.op("Equal", history.columns[0].name, graph.constant(MISSING_TEXT)))
    return graph.op("ReduceSum", graph.cast(filled, INT64), graph.constant([1], np.int64), keepdims=1)


def _length(graph: GraphBuilder, history: HistoryColumns) -> str:
    """Number of items of each row, (rows,) float32."""
    return graph.cast(graph.op("Squeeze", _counts(graph, history), graph.constant([1], np.int64)), FLOAT)


def _history(graph: GraphBuilder, history: HistoryColumns) -> str:
    """(rows, columns, length) ids of the latest items, which stand last in a list; 0 behind them."""
    zero = graph.constant(0, np.int64)
    first = graph.op("Max", graph.op("Sub", _counts(graph, history), graph.constant(history.length, np.int64)), zero)
    positions = graph.op("Add", first, graph.constant(np.arange(history.length)[None], np.int64))  # (rows, length)
    wider = graph.constant([0, 0, 0, history.length], np.int64)
    parts = []
    for column in history.columns:
        ids = text_ids(graph, column.name, column.levels, (), 2)
        ids = graph.where(graph.op("Equal", column.name, graph.constant(MISSING_TEXT)), zero, ids)
        latest = graph.op("GatherElements", graph.op("Pad", ids, wider), positions, axis=1)
        parts.append(graph.op("Unsqueeze", latest, graph.constant([1], np.int64)))
    return graph.op("Concat", *parts, axis=1)


def input_type(column: ColumnInput) -> int:
    """The element type of an input, as ONNX numbers it."""
    return TEXT if column.type == "string" else DOUBLE
