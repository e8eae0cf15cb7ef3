"""Raw columns as the inputs of an exported model: one per column of the table, texts or doubles."""

import re
from collections.abc import Collection
from typing import NamedTuple

from mtl_nas.data import FeatureColumn, Number, Schema, features_of
from mtl_nas.data.parsing.levels import spelled

# what Python reads as a finite number, of at most 40 digits on each side and an exponent below 100
FINITE = r"\s*[-+]?(\d{1,40}\.?\d{0,40}|\.\d{1,40})([eE][-+]?\d{1,2})?\s*"
MISSING_TEXT, MISSING_ITEM = "", "<NA>"
TEXTS = f"text; {MISSING_TEXT!r} where missing"
NUMBERS = "a number, NaN where missing; true and false are 1 and 0"
TIMES = "{unit} since 1970-01-01 00:00 UTC; NaN where missing"
SECONDS = "seconds: since 1970-01-01 00:00 UTC, of the day, or of a duration; NaN where missing"
LISTS = f"texts in the order of the list, {MISSING_TEXT!r} behind the last; {MISSING_ITEM!r} where an item is missing"


class ColumnInput(NamedTuple):
    """The input of a column: ``string`` or ``double``, (rows,), or (rows, items) for a list."""

    name: str
    type: str
    shape: tuple[str, ...]
    holds: str


def column_inputs(schema: Schema) -> list[ColumnInput]:
    """The inputs of a graph that reads raw columns, in the order of the schema."""
    return [_input(column) for column in features_of(schema)]


def _input(column: FeatureColumn) -> ColumnInput:
    if column.history is not None:
        return ColumnInput(column.name, "string", ("rows", f"items of {column.history.name}"), LISTS)
    if column.kind == "category":
        return ColumnInput(column.name, "string", ("rows",), TEXTS)
    if column.kind == "number":
        return ColumnInput(column.name, "double", ("rows",), NUMBERS)
    seconds = isinstance(column.read_as, Number) and column.unit == "s"
    return ColumnInput(column.name, "double", ("rows",), SECONDS if seconds else TIMES.format(unit=column.unit))


def numeric_marks(marks: Collection[str]) -> list[float]:
    """The numbers that declared marks of missing values spell."""
    numbers = []
    for mark in sorted(marks):
        if re.fullmatch(FINITE, mark) and spelled(mark, "number") == mark:
            numbers.append(float(mark))
    return numbers
