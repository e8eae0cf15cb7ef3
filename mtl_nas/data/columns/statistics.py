"""Features fitted on train rows: vocabularies, moments, quantiles."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.columns.encoding import Flat, float32, length_name, refuse_ragged
from mtl_nas.data.declaration import Declaration, SequenceDeclaration
from mtl_nas.data.parsing import category_text
from mtl_nas.data.parsing.numeric import numerals
from mtl_nas.data.schema import Category, Number, Sequence
from mtl_nas.errors import DataError

RANKS = np.linspace(0, 1, 257)
LONGEST = 50  # behaviours kept where nothing is declared
Features = tuple[tuple[Category, ...], tuple[Number, ...], tuple[Sequence, ...]]


def fitted(
    table: pd.DataFrame, train: NDArray[np.int64], declaration: Declaration, lists: Mapping[str, Flat]
) -> tuple[Features, list[str]]:
    """The features of a schema, constant columns left out, and what there is to say about them."""
    columns = [
        category(table[name].iloc[train]) if kind == "category" else number(name, float32(numerals(table[name]))[train])
        for name, kind in declaration.data.columns.items()
    ]
    sequences = [sequence(name, part, train, lists) for name, part in declaration.sequences.items()]
    lengths = [
        number(length_name(part.name), float32(lists[part.columns[0].name][1].astype(np.float64))[train])
        for part in sequences
    ]
    return telling(columns, sequences, lengths, len(train))


def telling(
    columns: Iterable[Category | Number], sequences: Iterable[Sequence], lengths: Iterable[Number], rows: int
) -> tuple[Features, list[str]]:
    """The features of a schema, without what is constant in so many train rows, and what there is to say about them."""
    categories: list[Category] = []
    numbers: list[Number] = []
    notes: list[str] = []
    for column in columns:
        if isinstance(column, Category):
            if len(column.levels) == 1:
                notes.append(f"column '{column.name}' is left out: it is always {column.levels[0]!r} in the train rows")
                continue
            if len(column.levels) > max(100, rows // 2):
                levels_found = f"{len(column.levels)} levels in {rows} train rows"
                notes.append(f"column '{column.name}' has {levels_found}: ignore it if it is an id")
            categories.append(column)
        elif column.deviation == 0 and not column.missing:
            notes.append(f"column '{column.name}' is left out: it is always {column.mean:g} in the train rows")
        else:
            numbers.append(column)
    numbers += [length for length in lengths if length.deviation > 0]
    return (tuple(categories), tuple(numbers), tuple(sequences)), notes


def category(values: "pd.Series[Any]") -> Category:
    """Levels of the values given, and "missing" where they have missing ones."""
    codes, texts = category_text.coded(values)
    return vocabulary(str(values.name), set(texts), missing=bool((codes < 0).any()))


def vocabulary(name: str, texts: set[str], *, missing: bool) -> Category:
    """The texts in their order."""
    if not texts:
        raise blank(name)
    return Category(name=name, levels=(*category_text.ordered(texts), *((None,) if missing else ())))


def number(name: str, values: NDArray[np.float32]) -> Number:
    """Moments and quantiles of the values that are not missing."""
    known = values[~np.isnan(values)].astype(np.float64)
    if not len(known):
        raise blank(name)
    return Number(
        name=name,
        mean=float(known.mean()),
        deviation=float(known.std()) if known.min() < known.max() else 0.0,
        quantiles=tuple(np.quantile(known, RANKS, method="nearest").tolist()),
        missing=len(known) < len(values),
    )


def sequence(name: str, part: SequenceDeclaration, train: NDArray[np.int64], lists: Mapping[str, Flat]) -> Sequence:
    """Vocabularies of the lists in train rows; at most as long as the longest of them."""
    lengths = lists[part.items][1]
    chosen = np.zeros(len(lengths), dtype=bool)
    chosen[train] = True
    columns = []
    for column in part.columns:
        elements, own = lists[column]
        refuse_ragged(name, part.items, lengths, column, own)
        known = elements[np.repeat(chosen, own)]
        columns.append(vocabulary(column, set(category_text.coded(known)[1]), missing=False))
    longest = int(lengths[train].max())
    return Sequence(name=name, columns=tuple(columns), length=min(part.length or LONGEST, longest))


def blank(name: str) -> DataError:
    """What to say of a column that train rows leave empty."""
    return DataError(f"column '{name}' has no value in any train row; ignore it (ignore: ['{name}'])")
