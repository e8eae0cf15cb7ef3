"""A table's rows as arrays, by what a schema has fitted."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing import category_text
from mtl_nas.data.parsing.lists import flat
from mtl_nas.data.parsing.numeric import numerals
from mtl_nas.data.schema import Schema, Sequence
from mtl_nas.data.storage.rows import Integers, Rows
from mtl_nas.data.tasks.labels import outside, refuse_impossible
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

Flat = tuple["pd.Series[Any]", NDArray[np.int64]]


def encode(frame: pd.DataFrame, schema: Schema, *, labels: bool) -> Rows:
    """Rows of a table that has the schema's columns, in any order, and with ``labels`` one column a task.

    Unseen levels and missing values are fine; a missing column raises DataError.
    """
    frame = named(frame)
    _refuse_missing(frame, [*feature_columns(schema), *(schema.task_names if labels else ())])
    lists = {column.name: flat(frame[column.name]) for sequence in schema.sequences for column in sequence.columns}
    rows = features(frame, schema, lists)
    if not labels:
        return rows
    codes = np.full((len(frame), len(schema.tasks)), np.nan)
    for place, task in enumerate(schema.tasks):
        codes[:, place] = task.rules.codes(frame[task.name], task.classes)
    codes[outside(codes, schema.tasks)] = np.nan
    refuse_impossible(codes, schema.tasks)
    return replace(rows, labels=codes.astype(np.float32))


def features(frame: pd.DataFrame, schema: Schema, lists: Mapping[str, Flat]) -> Rows:
    """Rows without labels."""
    count = len(frame)
    categories = np.empty((count, len(schema.categories)), dtype=np.int32)
    for place, column in enumerate(schema.categories):
        categories[:, place] = category_text.ids(frame[column.name], column.levels, 1)
    lengths = {length_name(sequence.name): sequence for sequence in schema.sequences}
    numbers = np.empty((count, len(schema.numbers)), dtype=np.float32)
    for place, number in enumerate(schema.numbers):
        if number.name in lengths:
            numbers[:, place] = lists[lengths[number.name].columns[0].name][1]
        else:
            numbers[:, place] = float32(numerals(frame[number.name]))
    return Rows(
        categories=categories,
        numbers=numbers,
        sequences={sequence.name: _sequence(sequence, lists) for sequence in schema.sequences},
        labels=np.full((count, len(schema.tasks)), np.nan, dtype=np.float32),
    )


def feature_columns(schema: Schema) -> list[str]:
    """Columns of a table that the schema reads."""
    lengths = {length_name(sequence.name) for sequence in schema.sequences}
    return [
        *(column.name for column in schema.categories),
        *(column.name for column in schema.numbers if column.name not in lengths),
        *(column.name for sequence in schema.sequences for column in sequence.columns),
    ]


def length_name(sequence: str) -> str:
    """The number column that holds a sequence's length."""
    return f"length({sequence})"


def float32(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """Single precision; what does not fit is missing."""
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return single


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table with text for column names, each of them once."""
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        repeated = next(name for place, name in enumerate(names) if name in names[:place])
        raise DataError(f"the table has two columns named '{repeated}'")
    return frame if names == list(frame.columns) else frame.set_axis(names, axis="columns")


def _sequence(sequence: Sequence, lists: Mapping[str, Flat]) -> Integers:
    lengths = lists[sequence.columns[0].name][1]
    kept = np.minimum(lengths, sequence.length)
    row = np.repeat(np.arange(len(lengths)), kept)
    place = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    source = np.repeat(np.cumsum(lengths) - kept, kept) + place  # the latest behaviours stand last in a list
    ids = np.zeros((len(lengths), len(sequence.columns), sequence.length), dtype=np.int32)
    for position, column in enumerate(sequence.columns):
        elements, own = lists[column.name]
        refuse_ragged(sequence.name, sequence.columns[0].name, lengths, column.name, own)
        ids[row, position, place] = category_text.ids(elements, column.levels, 2)[source]
    return ids


def refuse_ragged(sequence: str, items: str, lengths: NDArray[np.int64], column: str, own: NDArray[np.int64]) -> None:
    """Properties belong to items one by one."""
    different = np.flatnonzero(lengths != own)
    if len(different):
        row = int(different[0])
        raise DataError(
            f"sequence '{sequence}': row {row + 1} has {lengths[row]} values in '{items}' and {own[row]} in '{column}'"
            "; every item has one value of each property"
        )


def _refuse_missing(frame: pd.DataFrame, columns: list[str]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        hint = nearest(missing[0], frame.columns) if len(missing) == 1 else ""
        listed = ", ".join(f"'{name}'" for name in missing[:20]) + (" ..." if len(missing) > 20 else "")
        raise DataError(f"the table lacks {len(missing)} column{'s' * (len(missing) > 1)}: {listed}{hint}")
