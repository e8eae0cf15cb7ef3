"""One task of a table as boosted trees read it: columns, labels and weights of the rows that have a label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Dataset, Rows, Task

Floats = NDArray[np.float64]
LARGEST_EXACT = 2**24  # ids from here on are not exact in single precision


@dataclass(frozen=True)
class LabelledRows:
    """The rows of a split in which one task has a label."""

    columns: NDArray[np.floating[Any]]  # (N, C + M): ids of the categories, then numbers; NaN where missing
    labels: Floats  # (N,) class codes, counts, or numbers less the center of the task in units of its scale
    weights: Floats | None  # (N,) in the loss; None: equal weights


@dataclass(frozen=True)
class Problem:
    """One task, and the rows that train it and that say when to stop; both have labels, and those of train differ."""

    task: Task
    categories: int  # number of leading columns that hold ids
    train: LabelledRows
    validation: LabelledRows

    @property
    def objective(self) -> str:
        """What is minimised: a loss of the task, ``classes`` for several classes, ``binary`` or ``poisson``."""
        if self.task.kind in ("binary", "count"):
            return {"binary": "binary", "count": "poisson"}[self.task.kind]
        if self.task.rules.has_classes:
            return "classes"  # of ordered classes too, whose probabilities give those of every threshold
        return "mse" if self.task.loss == "ziln" else self.task.loss  # R2 of an amount is that of its mean


class TreeModel(Protocol):
    """Trained trees of one task."""

    @property
    def rounds(self) -> int:
        """Boosting rounds until the best score on the validation rows."""

    def predict(self, columns: NDArray[np.floating[Any]]) -> Floats:
        """Probabilities (N,) of a binary task, (N, K) of classes, else numbers (N,) as in ``LabelledRows``."""


def problem_of(data: Dataset, index: int, columns: Mapping[str, NDArray[np.floating[Any]]]) -> Problem:
    """The problem of a task, by its position, from the columns of the train and the validation rows."""
    task = data.schema.tasks[index]
    train = _labelled(data.rows("train"), index, columns["train"], task)
    validation = _labelled(data.rows("validation"), index, columns["validation"], task)
    return Problem(task, len(data.schema.categories), train, validation)


def columns_of(rows: Rows) -> NDArray[np.floating[Any]]:
    """The categories and numbers of all rows as one matrix, (N, C + M); histories enter by their lengths alone."""
    largest = rows.categories.max(initial=0)
    dtype = np.float32 if largest < LARGEST_EXACT else np.float64
    return np.hstack([rows.categories.astype(dtype), rows.numbers.astype(dtype)])


def in_encoded_units(task: Task, values: Floats) -> Floats:
    """Predictions as encoded labels are: numbers count from the origin of the task."""
    return values * task.scale + task.center if _is_scaled(task) else values


def _labelled(rows: Rows, index: int, columns: NDArray[np.floating[Any]], task: Task) -> LabelledRows:
    labels = rows.labels[:, index].astype(np.float64)
    valid = ~np.isnan(labels)
    labels = labels[valid]
    return LabelledRows(
        columns=columns if valid.all() else columns[valid],
        labels=(labels - task.center) / task.scale if _is_scaled(task) else labels,
        weights=None if rows.weights is None else rows.weights[valid].astype(np.float64),
    )


def _is_scaled(task: Task) -> bool:
    """Counts are not scaled: the Poisson likelihood depends on their size."""
    return not task.rules.has_classes and task.kind != "count"
