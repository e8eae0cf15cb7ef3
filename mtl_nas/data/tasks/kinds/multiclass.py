"""Multiclass tasks: one of several classes without an order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.tasks.kinds.class_kind import ClassKind, indicators, shortened
from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields
from mtl_nas.metrics import Event, Floats


class Multiclass(ClassKind):
    """The AUC of several classes is the mean of each class against the rest."""

    name = "multiclass"
    losses = ("cross_entropy",)
    head_width = "several"
    averages = "classes"

    def outputs(self, task: TaskFields) -> int:
        return len(task.classes)

    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        return f"classes {shortened(task.classes, 12)}"

    def events(self, predictions: Predictions, labels: Labels) -> list[Event]:
        return [(predictions[:, code], labels == code) for code in range(predictions.shape[1])]

    def leak_targets(self, labels: Labels) -> Floats:
        return indicators(labels)
