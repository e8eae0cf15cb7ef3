"""Which rows train, tune, choose and test: decided by the table alone, never by a run's seed."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Split
from mtl_nas.data.parsing import category_text
from mtl_nas.data.parsing.numeric import parsed
from mtl_nas.errors import DataError
from mtl_nas.random_streams import SPLIT_SEED

Parts = dict[str, NDArray[np.int64]]
SPLITS = ("train", "validation", "test")


def parts(table: pd.DataFrame, split: Split, test_rows: int) -> Parts:
    """Row numbers of train, tuning, choosing and test; the last ``test_rows`` rows came from a file of their own."""
    count = len(table)
    units = _units(table, split.group, "group") if split.group is not None else None
    if split.column is not None:
        found = _by_column(table, split.column)
    elif split.time is not None:
        found = _by_time(table, split, split.time)
    else:
        found = _shuffled(units, count - test_rows, split)
        if test_rows:
            found["test"] = np.arange(count - test_rows, count)
    for name in SPLITS:
        if len(found[name]) < 2:
            raise DataError(f"the {name} split has {len(found[name])} of {count} rows; each split needs two at least")
    validated = found["validation"]
    tuning, choosing = _shares(None if units is None else units[validated], len(validated), [0.5])
    if not len(tuning) or not len(choosing):
        raise DataError(f"the validation split is one group of '{split.group}'; it needs two at least, to be halved")
    validation = found.pop("validation")
    return {
        "train": found["train"],
        "tuning": validation[tuning],
        "choosing": validation[choosing],
        "test": found["test"],
    }


def refuse_absent_groups(table: pd.DataFrame, column: str, found: Parts) -> None:
    """DataError naming the first group of rows, a task of its own, that is not in every part."""
    groups = category_text.ordered(set(category_text.coded(table[column])[1]))
    place = category_text.ids(table[column], groups, 0)
    counts = {name: np.bincount(place[rows], minlength=len(groups)) for name, rows in found.items()}
    counts["validation"] = counts["tuning"] + counts["choosing"]
    for number, group in enumerate(groups):
        for split in SPLITS:
            if not counts[split][number]:
                count = int((place == number).sum())
                raise DataError(
                    f"group '{column}' has {count} row{'s' * (count != 1)} of '{group}', none in the {split} split; "
                    "every group needs rows to train, validate and test: leave its rows out, join it to another "
                    "group, or say split: {column: ...}"
                )


def _shuffled(units: NDArray[np.int64] | None, count: int, split: Split) -> Parts:
    test = split.test if isinstance(split.test, float) else 0.0
    train, validation, held = _shares(units, count, [1 - split.validation - test, 1 - test])
    return {"train": train, "validation": validation, "test": held}


def _shares(units: NDArray[np.int64] | None, count: int, ends: list[float]) -> list[NDArray[np.int64]]:
    """Rows at random, those of one unit together, cut at shares of the rows; each part in the table's order.

    None: each row is a unit, which takes a fifth of the memory and comes to the same.
    """
    cuts = [round(end * count) for end in ends]
    if units is None:
        order = np.random.RandomState(SPLIT_SEED).permutation(count)
        part = np.empty(count, dtype=np.uint8)
        for number, (first, last) in enumerate(zip([0, *cuts], [*cuts, count], strict=True)):
            part[order[first:last]] = number
        del order
        return [np.flatnonzero(part == number) for number in range(len(ends) + 1)]
    _, place, sizes = np.unique(units, return_inverse=True, return_counts=True)
    order = np.random.RandomState(SPLIT_SEED).permutation(len(sizes))
    middle = np.empty(len(sizes))
    middle[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    found = np.searchsorted(cuts, middle, side="right")[place]
    return [np.flatnonzero(found == number) for number in range(len(ends) + 1)]


def _by_time(table: pd.DataFrame, split: Split, column: str) -> Parts:
    moments = times(table[column])
    refuse_blank(np.isnan(moments), column, "orders the split")
    ordered, count = np.sort(moments), len(table)
    test = split.test if isinstance(split.test, float) else 0.0
    first_test = ordered[min(round(count * (1 - test)), count - 1)]
    first_validation = ordered[min(round(count * (1 - test - split.validation)), count - 1)]
    return {  # equal times fall on one side
        "train": np.flatnonzero(moments < first_validation),
        "validation": np.flatnonzero((moments >= first_validation) & (moments < first_test)),
        "test": np.flatnonzero(moments >= first_test),
    }


def times(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """What orders a split: numbers as they are, times and dates as seconds since 1970."""
    moments, wrong = parsed(values)
    if wrong.any():
        try:
            return parsed(pd.to_datetime(values, format="ISO8601", utc=True))[0]
        except (ValueError, TypeError):
            row = int(np.flatnonzero(wrong)[0])
            raise DataError(
                f"column '{values.name}' orders the split, but row {row + 1} holds no time such as 2024-01-31: "
                f"{values.iloc[row]!r}"
            ) from None
    return moments


def _by_column(table: pd.DataFrame, column: str) -> Parts:
    codes, texts = category_text.coded(table[column])
    refuse_blank(codes < 0, column, "names the split")
    strange = sorted(set(texts) - set(SPLITS))
    if strange:
        raise DataError(f"column '{column}' names the split: train, validation or test, got '{strange[0]}'")
    place = np.array([SPLITS.index(text) for text in texts], dtype=np.int8)[codes]
    return {name: np.flatnonzero(place == number) for number, name in enumerate(SPLITS)}


def _units(table: pd.DataFrame, column: str, what: str) -> NDArray[np.int64]:
    codes, _ = category_text.coded(table[column])
    refuse_blank(codes < 0, column, f"is the {what} of each row")
    return codes.astype(np.int64)


def refuse_blank(blank: NDArray[np.bool_], column: str, what: str) -> None:
    """DataError where a value that every row needs is missing."""
    if blank.any():
        raise DataError(f"column '{column}' {what}, but is missing in {blank.sum()} rows")
