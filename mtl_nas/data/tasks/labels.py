"""Label columns: their kind, their classes, their codes."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing.numeric import numerals, parsed
from mtl_nas.data.schema import Task
from mtl_nas.data.tasks.kinds.class_kind import MOST_CLASSES, distinct_texts
from mtl_nas.errors import DataError

MOST_WHOLE_NUMBERS = 20
STRAY = 0.1  # a share of text below which a label is a number with mistakes


def label_kind(values: "pd.Series[Any]", task: str) -> str:
    """Two values: binary; up to 100 texts or up to 20 whole numbers: multiclass; other numbers: regression.

    Counts and ordered classes are declared: their labels look like those of other kinds.
    """
    wrong = parsed(values)[1]
    if 0 < wrong.sum() <= STRAY * int(values.notna().sum()):
        numerals(values)  # refuses the first text among numbers
    return distinct_kind(values, task)


def distinct_kind(values: "pd.Series[Any]", task: str) -> str:
    """The same from labels of which each may be given once."""
    texts = distinct_texts(values, task)
    numbers, wrong = parsed(values)
    if len(texts) == 2:
        return "binary"
    if wrong.any():
        if len(texts) > MOST_CLASSES:
            raise DataError(
                f"task '{task}' has {len(texts)} different texts as labels; at most {MOST_CLASSES} are classes"
            )
        return "multiclass"
    known = numbers[~np.isnan(numbers)]
    whole = len(texts) <= MOST_WHOLE_NUMBERS and bool((known == np.floor(known)).all()) and known.min() >= 0
    return "multiclass" if whole else "regression"


def outside(codes: NDArray[np.float64], tasks: Iterable[Task]) -> NDArray[np.bool_]:
    """(N, T): rows outside the sample space of each task."""
    mask = np.zeros(codes.shape, dtype=bool)
    places: dict[str, int] = {}
    for place, task in enumerate(tasks):
        places[task.name] = place
        if task.where is not None:
            condition = places[task.where]
            mask[:, place] = (codes[:, condition] != 1) | mask[:, condition]
    return mask


def refuse_impossible(labels: NDArray[np.float64], tasks: Iterable[Task]) -> None:
    """Raise DataError naming the first row of (N, T) labels that the kind of its task does not allow."""
    for task, column in zip(tasks, labels.T, strict=True):
        rule = task.rules.possible(column, task)
        if rule is not None and not rule[0].all():
            row = int(np.argmin(rule[0]))
            raise DataError(f"task '{task.name}': row {row + 1} holds {column[row]:g}, but {rule[1]}")
