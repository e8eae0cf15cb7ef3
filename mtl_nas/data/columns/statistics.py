"""Columns of a schema with the statistics of train rows: vocabularies, means, deviations, quantiles."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.instants import Unit
from mtl_nas.data.schema import Category, HistoryColumns, Number
from mtl_nas.errors import DataError

RANKS = np.linspace(0, 1, 257)  # ranks of the quantiles
LONGEST = 50  # behaviours of a history that are encoded where no length is declared
MOST_LEVELS = 100  # levels of a category in any table; a larger one of more than half the rows may be an id
Features = tuple[tuple[Category, ...], tuple[Number, ...], tuple[HistoryColumns, ...]]


class NumberReading(NamedTuple):
    """How a number column is read; see ``Number``."""

    origin: float = 0.0
    time: bool = False
    unit: Unit = "s"


PLAIN_NUMBER = NumberReading()


def category_column(name: str, texts: set[str], *, missing: bool) -> Category:
    """A category with sorted levels, and the level "missing" where train rows have missing values."""
    distinct, marks = levels.distinct_levels(texts)
    if not distinct:
        raise empty_column(name)
    return Category(name=name, levels=(*levels.sort_levels(distinct), *((None,) if missing or marks else ())))


def number_column(name: str, values: NDArray[np.float32], reading: NumberReading = PLAIN_NUMBER) -> Number:
    """A number with the statistics of (N,) values, counted from its origin, NaN where missing."""
    present = values[~np.isnan(values)].astype(np.float64)
    if not len(present):
        raise empty_column(name)
    return Number(
        name=name,
        mean=float(present.mean()),
        deviation=float(present.std()) if present.min() < present.max() else 0.0,
        quantiles=tuple(np.quantile(present, RANKS, method="nearest").tolist()),
        missing=len(present) < len(values),
        origin=reading.origin,
        time=reading.time,
        unit=reading.unit,
    )


def varying_features(
    columns: Iterable[Category | Number], histories: Collection[HistoryColumns], lengths: Iterable[Number], rows: int
) -> tuple[Features, list[str]]:
    """The features of a schema without columns that are constant in so many train rows, and notes about columns."""
    categories: list[Category] = []
    numbers: list[Number] = []
    notes: list[str] = []
    for column in columns:
        if isinstance(column, Category):
            if len(column.levels) == 1:
                notes.append(f"column '{column.name}' is left out: it is always {column.levels[0]!r} in the train rows")
                continue
            if len(column.levels) > max(MOST_LEVELS, rows // 2):
                count = f"{len(column.levels)} levels in {rows} train rows"
                notes.append(f"column '{column.name}' has {count}: ignore it if it is an id")
            categories.append(column)
        elif column.deviation == 0 and not column.missing:
            notes.append(
                f"column '{column.name}' is left out: it is always {column.mean + column.origin:g} in the train rows"
            )
        else:
            numbers.append(column)
    numbers += [length for length in lengths if length.deviation > 0]
    if not (categories or numbers or histories):
        raise DataError("no column is left to predict from: every one is constant")
    return (tuple(categories), tuple(numbers), tuple(histories)), notes


def empty_column(name: str) -> DataError:
    """The error for a column without a value in any train row."""
    return DataError(f"column '{name}' has no value in any train row; ignore it (ignore: ['{name}'])")
