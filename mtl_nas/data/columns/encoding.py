"""Rows of a table as arrays, by the columns and statistics of a schema."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.columns.calendar import LocalTimes
from mtl_nas.data.columns.features import feature_columns, length_name, list_columns
from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.frames import raw_table
from mtl_nas.data.parsing.instants import read_seconds
from mtl_nas.data.parsing.lists import ListColumn, read_lists
from mtl_nas.data.parsing.numeric import read_numbers, single_precision
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.schema import HistoryColumns, Schema
from mtl_nas.data.storage.rows import Integers, Rows
from mtl_nas.data.tasks.labels import outside_sample_space, refuse_impossible
from mtl_nas.errors import DataError
from mtl_nas.values import nearest


def encode_rows(frame: Any, schema: Schema, *, labels: bool) -> Rows:
    """Encode a table by a schema whose statistics are known.

    Args:
        frame: a frame of pandas, polars or Arrow that has the columns of the schema, in any order; unseen levels and
            missing values are allowed.
        schema: what a data set was encoded by.
        labels: whether the table has one label column per task; without them every label is NaN.

    Raises:
        DataError: a column is missing, or a row holds a value that cannot be read.
    """
    wanted = [*feature_columns(schema), *(schema.task_names if labels else ())]
    table = raw_table(frame)
    _refuse_absent_columns(table, wanted)
    table = levels.without_marks(table.select(wanted), schema.missing)
    lists = {column: read_lists(table[column]) for column in list_columns(schema)}
    rows = encode_features(table, schema, lists)
    if not labels:
        return rows
    codes = np.full((len(table), len(schema.tasks)), np.nan)
    for index, task in enumerate(schema.tasks):
        codes[:, index] = task.label_codes(table[task.name])
    codes[outside_sample_space(codes, schema.tasks)] = np.nan
    refuse_impossible(codes, schema.tasks)
    return replace(rows, labels=codes.astype(np.float32))


def encode_features(table: RawTable, schema: Schema, lists: Mapping[str, ListColumn]) -> Rows:
    """Rows without labels; ``lists`` are the list columns of the schema."""
    count = len(table)
    times = LocalTimes(table)
    categories = np.empty((count, len(schema.categories)), dtype=np.int32)
    for index, column in enumerate(schema.categories):
        plain = column.calendar is None
        categories[:, index] = levels.level_ids(table[column.name], column.levels, 1) if plain else times.ids(column)
    histories = {length_name(history.name): history for history in schema.sequences}
    numbers = np.empty((count, len(schema.numbers)), dtype=np.float32)
    for index, number in enumerate(schema.numbers):
        if number.name in histories:
            numbers[:, index] = lists[histories[number.name].columns[0].name].lengths
        else:
            column_of_number = table[number.name]
            values = read_seconds(column_of_number, number.unit) if number.time else read_numbers(column_of_number)
            numbers[:, index] = single_precision(values, number.origin)
    return Rows(
        categories=categories,
        numbers=numbers,
        sequences={history.name: _history_ids(history, lists) for history in schema.sequences},
        labels=np.full((count, len(schema.tasks)), np.nan, dtype=np.float32),
    )


def refuse_unequal_lengths(history: str, lists: Mapping[str, ListColumn]) -> None:
    """Raise DataError where a row has more or fewer values of a property than items; the first column holds items."""
    (items, (_, lengths)), *properties = lists.items()
    for column, (_, other_lengths) in properties:
        different = np.flatnonzero(lengths != other_lengths)
        if len(different):
            row = int(different[0])
            raise DataError(
                f"sequence '{history}': row {row + 1} has {lengths[row]} values in '{items}' and {other_lengths[row]} "
                f"in '{column}'; every item has one value of each property"
            )


def _history_ids(history: HistoryColumns, lists: Mapping[str, ListColumn]) -> Integers:
    """(N, columns, length) ids of the latest behaviours, which stand last in a list."""
    columns = {column.name: lists[column.name] for column in history.columns}
    refuse_unequal_lengths(history.name, columns)
    lengths = columns[history.columns[0].name].lengths
    encoded = np.minimum(lengths, history.length)
    row = np.repeat(np.arange(len(lengths)), encoded)
    position = np.arange(encoded.sum()) - np.repeat(np.cumsum(encoded) - encoded, encoded)
    source: NDArray[np.int64] = np.repeat(np.cumsum(lengths) - encoded, encoded) + position
    ids = np.zeros((len(lengths), len(history.columns), history.length), dtype=np.int32)
    for index, column in enumerate(history.columns):
        elements = columns[column.name].elements
        ids[row, index, position] = levels.level_ids(elements, column.levels, 2)[source]
    return ids


def _refuse_absent_columns(table: RawTable, columns: list[str]) -> None:
    absent = [name for name in columns if name not in table]
    if absent:
        hint = nearest(absent[0], table.names) if len(absent) == 1 else ""
        listed = ", ".join(f"'{name}'" for name in absent[:20]) + (" ..." if len(absent) > 20 else "")
        raise DataError(f"the table lacks {len(absent)} column{'s' * (len(absent) > 1)}: {listed}{hint}")
