"""Cross-validation: rows in folds, each of which is held out from the training of one network."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Split
from mtl_nas.data.splits import PARTS, TEST, TUNING, row_groups
from mtl_nas.data.stratification import Combinations, draw
from mtl_nas.errors import DataError

NO_FOLD = 255  # the fold of a test row

Codes = NDArray[np.uint8]


class FoldedRows(NamedTuple):
    """The index into PARTS of each row, (N,), which is never that of train, and the fold of each row, (N,)."""

    part: Codes
    fold: Codes


def draw_folds(rules: pd.DataFrame, split: Split, test_rows: int, labels: Combinations) -> FoldedRows:
    """Draw test rows and folds with equal shares of every label, and halve each fold; groups stay together.

    Args:
        rules: the columns that the split names, for all rows.
        split: the rule, with a number of folds.
        test_rows: number of last rows that were read from a table of test rows.
        labels: the label combination of each row.
    """
    assert split.folds is not None
    count = len(rules) - test_rows
    groups = row_groups(rules, split.group)
    groups = None if groups is None else groups[:count]
    test = round(split.test * count) if isinstance(split.test, float) else 0
    cuts = [round(fold * (count - test) / split.folds) for fold in range(split.folds + 1)]
    sizes = [*np.diff(cuts).tolist(), *([test] if test else [])]
    drawn = draw(groups, labels.take(slice(count)), sizes, priority=range(len(sizes)))
    part, fold = np.full(len(rules), TEST, dtype=np.uint8), np.full(len(rules), NO_FOLD, dtype=np.uint8)
    for number in range(split.folds):
        rows = np.flatnonzero(drawn == number)
        sizes = [len(rows) // 2, len(rows) - len(rows) // 2]
        half = draw(None if groups is None else groups[rows], labels.take(rows), sizes, priority=[1, 0])
        part[rows], fold[rows] = half + TUNING, number
    _refuse_small_parts(part, fold, split)
    return FoldedRows(part, fold)


def _refuse_small_parts(part: Codes, fold: Codes, split: Split) -> None:
    """Raise DataError where a half of a fold, or the test split, has too few rows."""
    unit = "rows" if split.group is None else f"groups of '{split.group}'"
    if (part == TEST).sum() < 2:
        raise DataError(f"the test split has {(part == TEST).sum()} of {len(part)} rows; it needs two at least")
    for number in range(split.folds or 0):
        for half in PARTS[TUNING:TEST]:
            if not ((fold == number) & (part == PARTS.index(half))).any():
                raise DataError(
                    f"fold {number + 1} of {split.folds} has no {half} rows: it needs two {unit}; say fewer folds"
                )


def fold_note(folds: int) -> str:
    """What a user of folds should know."""
    return (
        f"{folds} folds: {folds} networks per training, each on the rows outside of its fold; scores are means over "
        "folds, and a model is the mean of its networks; what columns hold is learned from the rows of all folds"
    )
