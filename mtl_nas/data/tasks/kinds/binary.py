"""Binary tasks: whether an event happens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.kinds.class_kind import ClassKind, declared_class, distinct_texts
from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields, TaskKind
from mtl_nas.errors import DataError
from mtl_nas.metrics import Event, Floats

POSITIVES = {"0": "1", "-1": "1", "false": "true", "no": "yes", "n": "y", "f": "t", "negative": "positive"}


class Binary(ClassKind):
    """Labels are 0 or 1; predictions are the probability of 1, (N,)."""

    name = "binary"
    losses = ("bce", "focal")
    is_event = True
    option = "positive"
    averages = "probability"
    prediction_columns = TaskKind.prediction_columns

    def classes(self, labels: RawColumn, task: str, option: Any = None) -> tuple[str, ...]:
        """(negative, positive): as declared, by usual words, or the larger one is positive."""
        texts = distinct_texts(labels, task)
        first = levels.sort_levels(texts)
        if len(texts) > 2:
            shown = ", ".join(first[:5])
            raise DataError(
                f"task '{task}' is binary, but its labels have {len(texts)} values: {shown}; say kind: multiclass"
            )
        if option is not None:
            positive = declared_class(option, texts)
            if positive not in texts:
                raise DataError(
                    f"task '{task}': the positive label is '{option}', but the labels are {' and '.join(first)}"
                )
            return tuple(sorted(texts, key=lambda text: text == positive))
        flipped = POSITIVES.get(first[1].lower()) == first[0].lower()
        return first[::-1] if flipped else first

    def outputs(self, task: TaskFields) -> int:
        return 1

    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        return f"positive: '{task.classes[1]}', {100 * train.mean():.3g} % positive"

    def meaning(self, task: TaskFields) -> str:
        negative, positive = task.classes
        return f"the probability of '{positive}' (the other label is '{negative}')"

    def events(self, predictions: Predictions, labels: Labels) -> list[Event]:
        return [(predictions, labels == 1)]

    def label_probabilities(self, predictions: Predictions, labels: Labels) -> Floats:
        return np.where(labels == 1, predictions, 1 - predictions)

    def predicted_classes(self, predictions: Predictions) -> NDArray[np.integer[Any]]:
        return (predictions >= 0.5).astype(np.int64)
