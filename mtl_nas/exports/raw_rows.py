"""Rows of a raw table with unseen, missing and oddly spelled values, and what an exported model reads of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data import Number, Schema, features_of
from mtl_nas.data.parsing.levels import spelling
from mtl_nas.data.parsing.times import PER_SECOND
from mtl_nas.exports.raw_columns import MISSING_ITEM, MISSING_TEXT, column_inputs, numeric_marks
from mtl_nas.random_streams import EXPORT_CHECK_SEED

UNSEEN = ("unseen", "-7", "NA", "null", "?", "True")
ODD = 0.1  # share of values that are missing, and of those that are unseen
YEARS = ("1970", "2038")  # between which times are drawn


def raw_rows(schema: Schema, count: int, *, seed: int = EXPORT_CHECK_SEED) -> pd.DataFrame:
    """Draw a table with the columns of the schema: levels in several spellings, unseen and missing values, marks.

    Whole numbers of histories are drawn longer than what is encoded.
    """
    random = np.random.default_rng(seed)
    lengths = {part.name: random.integers(0, part.length + 3, count) for part in schema.sequences}
    columns: dict[str, Any] = {}
    for name, read_as, history in features_of(schema):
        marks = [*schema.missing.get("*", ()), *schema.missing.get(name, ())]
        if isinstance(read_as, Number):
            columns[name] = _numbers(random, read_as, numeric_marks(marks), count)
        elif history is not None:
            columns[name] = [_texts(random, read_as.levels, (), length) for length in lengths[history.name]]
        elif read_as.calendar is None:
            columns[name] = _texts(random, read_as.levels, marks, count)
        else:
            first, last = (np.datetime64(year, "s").astype(np.int64) for year in YEARS)
            seconds = np.where(random.random(count) < ODD, np.nan, random.integers(first, last, count))
            columns[name] = seconds * PER_SECOND[read_as.calendar.unit]
    return pd.DataFrame({name: pd.Series(values, dtype=_dtype(values)) for name, values in columns.items()})


def input_columns(table: pd.DataFrame, schema: Schema) -> dict[str, NDArray[Any]]:
    """The inputs of a model for a table whose numbers and times are numbers and whose levels are texts."""
    arrays: dict[str, NDArray[Any]] = {}
    for column in column_inputs(schema):
        values = table[column.name]
        if column.type == "double":
            arrays[column.name] = values.to_numpy(np.float64)
        elif len(column.shape) == 1:
            arrays[column.name] = np.array([_spelled(value, MISSING_TEXT) for value in values], dtype=object)
        else:
            padded = np.full((len(values), max(1, *map(len, values), 0)), MISSING_TEXT, dtype=object)
            for row, items in enumerate(values):
                padded[row, : len(items)] = [_spelled(item, MISSING_ITEM) for item in items]
            arrays[column.name] = padded
    return arrays


def _spelled(value: Any, missing: str) -> str:
    return missing if pd.isna(value) else str(value)


def _dtype(values: Any) -> Any:
    return object if isinstance(values, list) else None


def _texts(
    random: np.random.Generator, levels: tuple[str | None, ...], marks: Sequence[str], count: int
) -> list[str | None]:
    words: list[str | None] = list(levels)
    if spelling(levels) == "number":
        words += [f" {level} " if "." in level or "e" in level else f"{level}.0" for level in levels if level]
    elif spelling(levels) == "boolean":
        words += [level.upper() for level in levels if level]
    drawn = [words[index] for index in random.integers(0, len(words), count)] if words else [None] * count
    unseen = [*UNSEEN, *marks]
    others = random.random(count)
    picks = random.integers(0, len(unseen), count)
    return [
        None if other < ODD else unseen[pick] if other < 2 * ODD else word
        for word, other, pick in zip(drawn, others, picks, strict=True)
    ]


def _numbers(random: np.random.Generator, column: Number, marks: Sequence[float], count: int) -> NDArray[np.float64]:
    """Quantiles of the train rows and numbers beyond them, in the unit of the column; some are missing or marks."""
    low, high = column.quantiles[0], column.quantiles[-1]
    values = random.choice([*column.quantiles, low - 1, high + 1, np.inf], count) + column.origin
    values = values * PER_SECOND[column.unit]
    values = np.where(random.random(count) < ODD, random.choice([np.nan, *marks], count), values)
    return np.where(random.random(count) < ODD, np.nan, values)
