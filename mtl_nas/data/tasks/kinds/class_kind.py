"""The base of kinds whose labels are classes: class names, codes, probabilities, areas under the curve."""

from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields, TaskKind
from mtl_nas.errors import DataError
from mtl_nas.metrics import Event, Floats, Influence, Score, log_loss, mean_auc, mean_auc_influence, mean_or_none

MOST_CLASSES = 100


class ClassKind(TaskKind):
    """Labels are classes; predictions are their probabilities, (N, K)."""

    has_classes = True

    def classes(self, labels: RawColumn, task: str, option: Any = None) -> tuple[str, ...]:
        """Numbers by value, then words by spelling."""
        return levels.sort_levels(distinct_texts(labels, task))

    def codes(self, labels: RawColumn, classes: tuple[str, ...]) -> NDArray[np.float64]:
        codes: NDArray[np.float64] = levels.level_ids(labels, classes, 0).astype(np.float64)
        codes[codes < 0] = np.nan
        return codes

    def label_values(self, codes: NDArray[np.floating[Any]], task: TaskFields) -> "pd.Series[Any]":
        if task.classes == ("0", "1"):
            return pd.Series(codes if np.isnan(codes).any() else codes.astype(np.int64), name=task.name)
        texts = np.array([*task.classes, None], dtype=object)
        indices = np.where(np.isnan(codes), len(task.classes), codes).astype(np.int64)
        return pd.Series(texts[indices], name=task.name, dtype=object)

    def prediction_columns(self, task: TaskFields) -> tuple[str, ...]:
        """One column per class, such as ``stars=1``."""
        return tuple(f"{task.name}={name}" for name in task.classes)

    def meaning(self, task: TaskFields) -> str:
        return f"the probabilities of the classes {shortened(task.classes, 12)}"

    def main_metric(self, task: TaskFields) -> str:
        return "auc"

    @abstractmethod
    def events(self, predictions: Predictions, labels: Labels) -> list[Event]:
        """Events whose areas under the curve are averaged: a ranking of the rows and the positive rows of each."""

    def label_probabilities(self, predictions: Predictions, labels: Labels) -> Floats:
        """The predicted probability of the class of each row, (N,)."""
        probabilities: Floats = predictions[np.arange(len(labels)), labels.astype(np.int64)]
        return probabilities

    def predicted_classes(self, predictions: Predictions) -> NDArray[np.integer[Any]]:
        """The code of the most likely class of each row, (N,)."""
        codes: NDArray[np.integer[Any]] = predictions.argmax(axis=1)
        return codes

    def scores(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        return {
            "auc": mean_auc(self.events(predictions, labels)),
            "log_loss": log_loss(self.label_probabilities(predictions, labels)),
            "accuracy": mean_or_none(self.predicted_classes(predictions) == labels),
        }

    def influence(self, task: TaskFields, predictions: Predictions, labels: Labels) -> Influence | None:
        return mean_auc_influence(self.events(predictions, labels))


def distinct_texts(labels: RawColumn, task: str) -> set[str]:
    """Labels as text, each once; DataError where there are fewer than two."""
    texts, _ = levels.distinct_levels(levels.factorize(labels)[1])
    if not texts:
        raise DataError(f"task '{task}' has no label in any row")
    _refuse_two_spellings(texts, task)
    if len(texts) < 2:
        raise DataError(f"task '{task}' has one class: every label is '{next(iter(texts))}'")
    return texts


def _refuse_two_spellings(texts: Collection[str], task: str) -> None:
    """Raise DataError where two labels differ by spaces or a full stop at their ends, as in a file from elsewhere."""
    spelled: dict[str, str] = {}
    for text in sorted(texts):
        other = spelled.setdefault(text.strip().rstrip("."), text)
        if other != text:
            raise DataError(
                f"task '{task}' has the labels {other!r} and {text!r}, which differ by a full stop or a space alone; "
                "spell them alike, in a table of test rows too"
            )


def declared_class(word: str, texts: Collection[str]) -> str:
    """The class that a declaration means: ``1.0`` is 1 among numbers, ``true`` is True among booleans."""
    return word if word in texts else levels.spelled(word, levels.spelling(texts)) or word


def shortened(names: Sequence[str], most: int) -> str:
    """The first names, and an ellipsis where there are more."""
    return ", ".join(names[:most]) + (" ..." if len(names) > most else "")


def indicators(labels: Labels) -> NDArray[np.float64]:
    """One column of 0 and 1 per class that occurs, (N, K)."""
    columns: NDArray[np.float64] = (labels[:, None] == np.unique(labels)).astype(np.float64)
    return columns
