"""Ordinal tasks: one of three or more classes that have an order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing.numeric import parse_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.kinds.class_kind import MOST_CLASSES, ClassKind, declared_class, indicators, shortened
from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields
from mtl_nas.errors import DataError
from mtl_nas.metrics import Event, Floats, Score, mean_or_none


class Ordinal(ClassKind):
    """The AUC is the mean over the events ``label > k``; a head computes their logits."""

    name = "ordinal"
    losses = ("cumulative",)
    is_cumulative = True
    option = "order"
    head_width = "any"
    averages = "state"

    def classes(self, labels: RawColumn, task: str, option: Any = None) -> tuple[str, ...]:
        """Classes from the lowest: as declared, or numbers by value."""
        present = super().classes(labels, task)
        order = tuple(declared_class(word, present) for word in option or ())
        if not order:
            if parse_numbers(labels)[1].any():
                shown = shortened(present, 5)
                raise DataError(
                    f"task '{task}' is ordinal, but its labels are words: {shown}; say order: [lowest, ...]"
                )
            if len(present) > MOST_CLASSES:
                raise DataError(
                    f"task '{task}' is ordinal, but its labels have {len(present)} values; at most {MOST_CLASSES} are "
                    "classes: say kind: regression"
                )
        unnamed = [text for text in present if order and text not in order]
        if unnamed:
            raise DataError(
                f"task '{task}': order names {', '.join(order)}, but a label is '{unnamed[0]}'; name it too"
            )
        classes = order or present
        if len(classes) < 3:
            raise DataError(f"task '{task}' is ordinal, but has {len(classes)} classes; say kind: binary")
        return classes

    def outputs(self, task: TaskFields) -> int:
        """One logit per event ``label > k``."""
        return len(task.classes) - 1

    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        return f"classes from the lowest {shortened(task.classes, 12)}"

    def events(self, predictions: Predictions, labels: Labels) -> list[Event]:
        return [(predictions[:, code + 1 :].sum(axis=1), labels > code) for code in range(predictions.shape[1] - 1)]

    def scores(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        """The scores of classes, and the mean absolute error of the expected rank."""
        expected_rank = predictions @ np.arange(predictions.shape[1])
        return {**super().scores(task, predictions, labels), "mae": mean_or_none(np.abs(expected_rank - labels))}

    def leak_targets(self, labels: Labels) -> Floats:
        """The rank, and one column per class."""
        return np.hstack([labels[:, None], indicators(labels)])
