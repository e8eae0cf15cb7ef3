"""Which rows train, tune, choose and test: decided by the table alone, never by a run's seed."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data import levels
from mtl_nas.data.declaration import Split
from mtl_nas.data.numerals import parsed
from mtl_nas.errors import DataError

Parts = dict[str, NDArray[np.int64]]
SPLITS = ("train", "validation", "test")


def parts(table: pd.DataFrame, split: Split, test_rows: int) -> Parts:
    """Row numbers of train, tuning, choosing and test; the last ``test_rows`` rows came from a file of their own."""
    count = len(table)
    units = _units(table, split.group, "group") if split.group is not None else np.arange(count)
    if split.column is not None:
        found = _by_column(table, split.column)
    elif split.time is not None:
        found = _by_time(table, split, split.time)
    else:
        found = _shuffled(units[: count - test_rows], split)
        if test_rows:
            found["test"] = np.arange(count - test_rows, count)
    for name in SPLITS:
        if len(found[name]) < 2:
            raise DataError(f"the {name} split has {len(found[name])} of {count} rows; each split needs two at least")
    tuning, choosing = _shares(units[found["validation"]], [0.5])
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
    codes, texts = levels.coded(table[column])
    names = np.array(texts, dtype=object)[codes]
    rows = {name: found[name] for name in ("train", "test")}
    rows["validation"] = np.concatenate([found["tuning"], found["choosing"]])
    for group in levels.ordered(set(texts)):
        for split in SPLITS:
            if not (names[rows[split]] == group).any():
                count = int((names == group).sum())
                raise DataError(
                    f"group '{column}' has {count} row{'s' * (count != 1)} of '{group}', none in the {split} split; "
                    "every group needs rows to train, validate and test: leave its rows out, join it to another "
                    "group, or say split: {column: ...}"
                )


def _shuffled(units: NDArray[np.int64], split: Split) -> Parts:
    test = split.test if isinstance(split.test, float) else 0.0
    train, validation, held = _shares(units, [1 - split.validation - test, 1 - test])
    return {"train": train, "validation": validation, "test": held}


def _shares(units: NDArray[np.int64], ends: list[float]) -> list[NDArray[np.int64]]:
    """Rows at random, those of one unit together, cut at shares of the rows; each part in the table's order."""
    _, place, sizes = np.unique(units, return_inverse=True, return_counts=True)
    order = np.random.RandomState(0).permutation(len(sizes))  # its stream never changes between versions
    middle = np.empty(len(sizes))
    middle[order] = np.cumsum(sizes[order]) - sizes[order] / 2
    cuts = [round(end * len(units)) for end in ends]
    part = np.searchsorted(cuts, middle, side="right")[place]
    return [np.flatnonzero(part == number) for number in range(len(ends) + 1)]


def _by_time(table: pd.DataFrame, split: Split, column: str) -> Parts:
    moments, wrong = parsed(table[column])
    if wrong.any():
        try:
            moments = parsed(pd.to_datetime(table[column], format="ISO8601", utc=True))[0]
        except (ValueError, TypeError):
            row = int(np.flatnonzero(wrong)[0])
            value = table[column].iloc[row]
            raise DataError(
                f"column '{column}' orders the split, but row {row + 1} holds no time such as 2024-01-31: {value!r}"
            ) from None
    _refuse_blank(np.isnan(moments), column, "orders the split")
    ordered, count = np.sort(moments), len(table)
    test = split.test if isinstance(split.test, float) else 0.0
    first_test = ordered[min(round(count * (1 - test)), count - 1)]
    first_validation = ordered[min(round(count * (1 - test - split.validation)), count - 1)]
    return {  # equal times fall on one side
        "train": np.flatnonzero(moments < first_validation),
        "validation": np.flatnonzero((moments >= first_validation) & (moments < first_test)),
        "test": np.flatnonzero(moments >= first_test),
    }


def _by_column(table: pd.DataFrame, column: str) -> Parts:
    codes, texts = levels.coded(table[column])
    _refuse_blank(codes < 0, column, "names the split")
    strange = sorted(set(texts) - set(SPLITS))
    if strange:
        raise DataError(f"column '{column}' names the split: train, validation or test, got '{strange[0]}'")
    names = np.array(texts, dtype=object)[codes]
    return {name: np.flatnonzero(names == name) for name in SPLITS}


def _units(table: pd.DataFrame, column: str, what: str) -> NDArray[np.int64]:
    codes, _ = levels.coded(table[column])
    _refuse_blank(codes < 0, column, f"is the {what} of each row")
    return codes.astype(np.int64)


def _refuse_blank(blank: NDArray[np.bool_], column: str, what: str) -> None:
    if blank.any():
        raise DataError(f"column '{column}' {what}, but is missing in {blank.sum()} rows")
