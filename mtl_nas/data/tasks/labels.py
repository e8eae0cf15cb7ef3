"""Labels of a task: the kind that they imply, the sample space, impossible values."""

import re
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing.levels import spelling
from mtl_nas.data.parsing.numeric import marked_number, parse_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.schema import Task
from mtl_nas.data.tasks.kinds.class_kind import MOST_CLASSES, distinct_texts
from mtl_nas.errors import DataError

CODE = re.compile(r"\s*[-+]?0\d")  # the beginning of a number with leading zeros
LARGEST_LABEL = 1e30  # in size, counted from the origin; networks compute in single precision, up to 3e38
MOST_WHOLE_NUMBERS = 20  # distinct whole numbers that are classes


def infer_kind(labels: RawColumn, task: str) -> str:
    """The kind of distinct labels, each of which may be given once.

    Two values: binary; up to 100 texts or up to 20 whole numbers: multiclass; other numbers: regression. Counts and
    ordered classes are declared: their labels look like those of other kinds.
    """
    texts = distinct_texts(labels, task)
    if len(texts) == 2:
        return "binary"
    numbers, invalid = parse_numbers(labels, time=True)
    if invalid.any() or (_are_words(texts) and len(texts) <= MOST_CLASSES):
        if len(texts) > MOST_CLASSES:
            raise DataError(
                f"task '{task}' has {len(texts)} different texts as labels; at most {MOST_CLASSES} are classes"
            )
        return "multiclass"
    present = numbers[~np.isnan(numbers)]
    whole = len(texts) <= MOST_WHOLE_NUMBERS and bool((present == np.floor(present)).all()) and present.min() >= 0
    return "multiclass" if whole else "regression"


def _are_words(texts: Collection[str]) -> bool:
    """Whether texts that may all be read as numbers are words: 0042 is one, and $17.00 is none."""
    return spelling(texts) != "number" and any(marked_number(text) is None or CODE.match(text) for text in texts)


def outside_sample_space(labels: NDArray[np.float64], tasks: Iterable[Task]) -> NDArray[np.bool_]:
    """(N, T): the rows outside the sample space of each task."""
    outside = np.zeros(labels.shape, dtype=bool)
    column_of: dict[str, int] = {}
    for column, task in enumerate(tasks):
        column_of[task.name] = column
        if task.where is not None:
            condition = column_of[task.where]
            outside[:, column] = (labels[:, condition] != 1) | outside[:, condition]
    return outside


def refuse_impossible(labels: NDArray[np.float64], tasks: Iterable[Task]) -> None:
    """Raise DataError naming the first row of (N, T) labels that the kind of its task does not allow."""
    for task, column in zip(tasks, labels.T, strict=True):
        small = ~(np.abs(column) > LARGEST_LABEL)  # NaN is allowed
        if not small.all():
            row = int(np.argmin(small))
            raise DataError(
                f"task '{task.name}': row {row + 1} holds {column[row] + task.origin:g}, but a label is at most "
                f"{LARGEST_LABEL:g} in size: mend the label, or empty it to leave the row out of this task"
            )
        rule = task.rules.possible(column, task)
        if rule is not None and not rule[0].all():
            row = int(np.argmin(rule[0]))
            raise DataError(f"task '{task.name}': row {row + 1} holds {column[row]:g}, but {rule[1]}")


def refuse_lists(labels: RawColumn) -> None:
    """Raise DataError where a label column holds lists."""
    if labels.type in ("list", "other"):
        raise DataError(f"column '{labels.name}' holds lists; a label is one value")
