"""The rows that train, tune, choose and test: decided by the table alone, never by the seed of a run."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Split
from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.frames import raw_table
from mtl_nas.data.parsing.numeric import parse_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.split_shares import refuse_equal_times
from mtl_nas.data.stratification import Combinations, draw
from mtl_nas.errors import DataError
from mtl_nas.random_streams import SPLIT_SEED

RowNumbers = NDArray[np.int64]  # ascending
Parts = dict[str, RowNumbers]
PARTS = ("train", "tuning", "choosing", "test")
TRAIN, TUNING, CHOOSING, TEST = range(len(PARTS))
SPLITS = ("train", "validation", "test")
SPLIT_OF = {"train": "train", "tuning": "validation", "choosing": "validation", "test": "test"}


def split_rows(rules: pd.DataFrame, split: Split, test_rows: int, labels: Combinations | None = None) -> Parts:
    """Row numbers of each of PARTS.

    Args:
        rules: the columns that the split names, for all rows.
        split: the rule.
        test_rows: number of last rows that were read from a table of test rows.
        labels: the label combination of each row, of which parts get equal shares; None: rows are drawn regardless.
    """
    count = len(rules)
    units = row_groups(rules, split.group)
    if split.column is not None:
        rows = _by_column(rules, split.column)
    elif split.time is not None:
        rows = _by_time(rules, split, split.time)
    elif labels is None:
        rows = _at_random(units, count - test_rows, split)
    else:
        rows = _stratified(units, count - test_rows, split, labels)
    if test_rows:
        rows["test"] = np.arange(count - test_rows, count)
    for name in SPLITS:
        if len(rows[name]) < 2:
            raise DataError(f"the {name} split has {len(rows[name])} of {count} rows; each split needs two at least")
    validation = rows["validation"]
    if "tuning" not in rows:
        rows |= _halves(validation, units, labels)
    tuning, choosing = rows["tuning"], rows["choosing"]
    if not len(tuning) or not len(choosing):
        raise DataError(f"the validation split is one group of '{split.group}'; it needs two at least, to be halved")
    return {part: rows[part] for part in PARTS}


def row_groups(rules: pd.DataFrame, column: str | None) -> RowNumbers | None:
    """The group of each row, (N,) numbers from 0, by the column whose rows of one value stay together, if any."""
    if column is None:
        return None
    codes, _ = _factorized(rules[column])
    _refuse_missing(codes < 0, column, "is the group of each row")
    return codes.astype(np.int64)


def refuse_absent_groups(groups: "pd.Series[Any]", parts: Parts) -> None:
    """Raise DataError naming the first group of rows, which makes tasks of its own, that some split lacks."""
    codes, texts = _factorized(groups)
    names = levels.sort_levels(texts)
    codes = np.array([*map(names.index, texts), -1])[codes]
    counts = {part: np.bincount(codes[rows], minlength=len(names)) for part, rows in parts.items()}
    counts["validation"] = counts["tuning"] + counts["choosing"]
    for code, name in enumerate(names):
        for split in SPLITS:
            if not counts[split][code]:
                count = int((codes == code).sum())
                raise DataError(
                    f"group '{groups.name}' has {count} row{'s' * (count != 1)} of '{name}', none in the {split} "
                    "split; every group needs rows to train, validate and test: leave its rows out, join it to another "
                    "group, or say split: {column: ...}"
                )


def times(column: RawColumn) -> NDArray[np.float64]:
    """Values that order a split: numbers as they are, times and dates as seconds since 1970."""
    numbers, invalid = parse_numbers(column, time=True)
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise DataError(
            f"column '{column.name}' orders the split, but row {row + 1} holds no time such as 2024-01-31: "
            f"{column.value(row)!r}"
        )
    return numbers


def _at_random(units: RowNumbers | None, count: int, split: Split) -> Parts:
    test = split.test if isinstance(split.test, float) else 0.0
    train, validation, held_out = _shares(units, count, [1 - split.validation - test, 1 - test])
    return {"train": train, "validation": validation, "test": held_out}


def _stratified(units: RowNumbers | None, count: int, split: Split, labels: Combinations) -> Parts:
    """All parts at once, each with its share of every label; a label of few rows is in each part if it can be."""
    test = split.test if isinstance(split.test, float) else 0.0
    train, last = round((1 - split.validation - test) * count), round((1 - test) * count)
    tuning = round((last - train) / 2)
    sizes = [train, tuning, last - train - tuning, *([count - last] if test else [])]
    priority = [TRAIN, TEST, CHOOSING, TUNING] if test else [TRAIN, CHOOSING, TUNING]
    part = draw(None if units is None else units[:count], labels.take(slice(count)), sizes, priority)
    rows = {name: np.flatnonzero(part == index) for index, name in enumerate(PARTS)}
    return rows | {"validation": np.flatnonzero((part == TUNING) | (part == CHOOSING))}


def _halves(validation: RowNumbers, units: RowNumbers | None, labels: Combinations | None) -> Parts:
    units = None if units is None else units[validation]
    if labels is None:
        tuning, choosing = _shares(units, len(validation), [0.5])
    else:
        size = round(len(validation) / 2)
        part = draw(units, labels.take(validation), [size, len(validation) - size], [1, 0])
        tuning, choosing = np.flatnonzero(part == 0), np.flatnonzero(part == 1)
    return {"tuning": validation[tuning], "choosing": validation[choosing]}


def _shares(units: RowNumbers | None, count: int, ends: list[float]) -> list[RowNumbers]:
    """Rows at random, rows of one unit together, cut at shares of the rows.

    Without ``units`` each row is a unit: the same parts in a fifth of the memory.
    """
    cuts = [round(end * count) for end in ends]
    if units is None:
        order = np.random.RandomState(SPLIT_SEED).permutation(count)
        part = np.empty(count, dtype=np.uint8)
        for index, (first, last) in enumerate(zip([0, *cuts], [*cuts, count], strict=True)):
            part[order[first:last]] = index
        del order
    else:
        _, unit_of_row, sizes = np.unique(units, return_inverse=True, return_counts=True)
        order = np.random.RandomState(SPLIT_SEED).permutation(len(sizes))
        middle = np.empty(len(sizes))
        middle[order] = np.cumsum(sizes[order]) - sizes[order] / 2
        part = np.searchsorted(cuts, middle, side="right").astype(np.uint8)[unit_of_row]
    return [np.flatnonzero(part == index) for index in range(len(ends) + 1)]


def _by_time(rules: pd.DataFrame, split: Split, column: str) -> Parts:
    values = times(raw_table(rules[[column]])[column])
    _refuse_missing(np.isnan(values), column, "orders the split")
    ordered, count = np.sort(values), len(values)
    test = split.test if isinstance(split.test, float) else 0.0
    first_test = ordered[min(round(count * (1 - test)), count - 1)]
    first_validation = ordered[min(round(count * (1 - test - split.validation)), count - 1)]
    rows = {  # equal times fall on one side
        "train": np.flatnonzero(values < first_validation),
        "validation": np.flatnonzero((values >= first_validation) & (values < first_test)),
        "test": np.flatnonzero(values >= first_test),
    }
    refuse_equal_times(values, split, {name: len(part) for name, part in rows.items()})
    return rows


def _by_column(rules: pd.DataFrame, column: str) -> Parts:
    codes, texts = _factorized(rules[column])
    _refuse_missing(codes < 0, column, "names the split")
    unknown = sorted(set(texts) - set(SPLITS))
    if unknown:
        raise DataError(f"column '{column}' names the split: train, validation or test, got '{unknown[0]}'")
    split = np.array([SPLITS.index(text) for text in texts], dtype=np.int8)[codes]
    return {name: np.flatnonzero(split == index) for index, name in enumerate(SPLITS)}


def _factorized(values: "pd.Series[Any]") -> tuple[NDArray[np.int64], list[str]]:
    """Codes, -1 where missing, and the text of each code."""
    categorical = pd.Categorical(values)
    return categorical.codes.astype(np.int64), [str(name) for name in categorical.categories]


def _refuse_missing(missing: NDArray[np.bool_], column: str, use: str) -> None:
    if missing.any():
        raise DataError(f"column '{column}' {use}, but is missing in {missing.sum()} rows")
