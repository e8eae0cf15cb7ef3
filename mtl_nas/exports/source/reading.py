"""Columns of plain values as encoded rows. Source files hold these functions, and those that they call."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing.calendar_parts import calendar_codes, calendar_levels
from mtl_nas.data.parsing.instants import in_seconds, local_seconds, whole_seconds
from mtl_nas.data.parsing.levels import is_declared_mark, text, text_ids
from mtl_nas.data.parsing.numeric import single_precision

Columns = Mapping[str, Sequence[Any]]  # the values of each column by its name
Tree = Mapping[str, Any]  # the content of columns.json


def read_columns(
    columns: Columns, schema: Tree
) -> tuple[NDArray[np.int64], NDArray[np.float32], list[NDArray[np.int64]]]:
    """Categories (B, C), numbers (B, M) with NaN for missing values, and the ids (B, columns, length) of histories.

    Levels are any values, numbers and times are numbers, histories are lists; None and NaN are missing. A KeyError
    names the columns that the table lacks.
    """
    absent = [name for name in dict.fromkeys(column_names(schema)) if name not in columns]
    if absent:
        raise KeyError(f"the table lacks the columns {', '.join(absent)}")
    parts = [read_category(columns, column, schema) for column in schema.get("categories", ())]
    histories = schema.get("sequences", ())
    lengths = {f"length({part['name']})": columns[part["columns"][0]["name"]] for part in histories}
    numbers = [
        np.array([_length(items) for items in lengths[column["name"]]], dtype=np.float32)
        if column["name"] in lengths
        else read_number(columns, column, schema)
        for column in schema.get("numbers", ())
    ]
    rows = max((len(values) for values in columns.values()), default=0)
    return (
        np.stack(parts, axis=1) if parts else np.zeros((rows, 0), dtype=np.int64),
        np.stack(numbers, axis=1) if numbers else np.zeros((rows, 0), dtype=np.float32),
        [read_history(columns, part) for part in histories],
    )


def column_names(schema: Tree) -> list[str]:
    """The columns of the table that are read."""
    categories, numbers, histories = (schema.get(part, ()) for part in ("categories", "numbers", "sequences"))
    lengths = {f"length({part['name']})" for part in histories}
    return [
        *((column.get("calendar") or {}).get("column", column["name"]) for column in categories),
        *(column["name"] for column in numbers if column["name"] not in lengths),
        *(column["name"] for part in histories for column in part["columns"]),
    ]


def read_category(columns: Columns, column: Tree, schema: Tree) -> NDArray[np.int64]:
    """Ids (B,): levels count from 1, unseen ones are 0."""
    calendar, levels = column.get("calendar"), tuple(column["levels"])
    if calendar is None:
        marks = _marks(schema, column["name"])
        texts = [_spelled(value, marks) for value in columns[column["name"]]]
        return np.array(text_ids(texts, levels, 1), dtype=np.int64)
    numbers = _without_marks(columns[calendar["column"]], _marks(schema, calendar["column"]))
    instants, missing = whole_seconds(numbers, calendar.get("unit", "s"))
    codes = calendar_codes(calendar["part"], local_seconds(instants, calendar.get("zone", "UTC")))
    id_of = {level: 1 + index for index, level in enumerate(levels)}
    shown = (id_of.get(calendar_levels(calendar["part"], [code])[0], 0) for code in codes.tolist())
    return np.where(missing, id_of.get(None, 0), np.fromiter(shown, np.int64, len(codes)))


def read_number(columns: Columns, column: Tree, schema: Tree) -> NDArray[np.float32]:
    """Numbers (B,) from the origin of the column, NaN where missing."""
    numbers = _without_marks(columns[column["name"]], _marks(schema, column["name"]))
    if column.get("time", False) and column.get("unit", "s") != "s":
        numbers = in_seconds(numbers, column["unit"])
    return single_precision(numbers, column.get("origin", 0.0))


def read_history(columns: Columns, history: Tree) -> NDArray[np.int64]:
    """Ids (B, columns, length) of the latest items: 0 is padding, 1 an unseen item, levels count from 2."""
    length = history["length"]
    parts = []
    for column in history["columns"]:
        lists = [items[-length:] if _length(items) else () for items in columns[column["name"]]]
        texts = [_spelled(item, ()) for items in lists for item in items]
        ids = np.zeros((len(lists), length), dtype=np.int64)
        filled = np.arange(length) < np.array([len(items) for items in lists], dtype=np.int64)[:, None]
        ids[filled] = text_ids(texts, tuple(column["levels"]), 2)
        parts.append(ids)
    return np.stack(parts, axis=1)


def _length(items: Any) -> int:
    return 0 if items is None or isinstance(items, float) else len(items)


def _marks(schema: Tree, column: str) -> set[str]:
    """The texts that say that a value of a column is missing."""
    declared = schema.get("missing", {})
    return {*declared.get("*", ()), *declared.get(column, ())}


def _spelled(value: Any, marks: Collection[str]) -> str | None:
    """The text of a level; None where it is missing."""
    if value is None or value == "" or (isinstance(value, float | np.floating) and np.isnan(value)):
        return None
    word = value if isinstance(value, str) else text(value)
    return None if marks and is_declared_mark(word, marks) else word


def _without_marks(values: Sequence[Any], marks: Collection[str]) -> NDArray[np.float64]:
    """Numbers (B,), NaN where missing."""
    numbers = np.array(values, dtype=np.float64)
    numbers[~np.isfinite(numbers)] = np.nan
    if marks:
        numbers[[is_declared_mark(text(value), marks) for value in numbers]] = np.nan
    return numbers
