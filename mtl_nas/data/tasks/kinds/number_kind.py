"""The base of kinds whose labels are numbers."""

from abc import abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing.numeric import read_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields, TaskKind
from mtl_nas.metrics import Floats, Influence, Score, explained, explained_influence, mean_or_none


class NumberKind(TaskKind):
    """Labels are numbers; predictions have the unit of the labels, (N,)."""

    has_classes = False

    def codes(self, labels: RawColumn, classes: tuple[str, ...]) -> NDArray[np.float64]:
        return read_numbers(labels, time=True)

    def label_values(self, codes: NDArray[np.floating[Any]], task: TaskFields) -> "pd.Series[Any]":
        return pd.Series(codes.astype(np.float64) + task.origin if task.origin else codes, name=task.name)

    def outputs(self, task: TaskFields) -> int:
        return 1

    @abstractmethod
    def deviances(self, task: TaskFields, predictions: Predictions, labels: Labels) -> tuple[Floats, Floats]:
        """The cost of each row under its prediction and under the best constant, (N,) each."""

    def errors(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        """Metrics beside the main one."""
        square = mean_or_none((predictions - labels) ** 2)
        root = None if square is None else float(np.sqrt(square))
        return {"rmse": root, "mae": mean_or_none(np.abs(predictions - labels))}

    def scores(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        score = explained(*self.deviances(task, predictions, labels)) if _vary(labels) else None
        return {**self.errors(task, predictions, labels), self.main_metric(task): score}

    def influence(self, task: TaskFields, predictions: Predictions, labels: Labels) -> Influence | None:
        return explained_influence(*self.deviances(task, predictions, labels)) if _vary(labels) else None


def _vary(labels: Labels) -> bool:
    return bool(len(labels)) and bool(labels.min() < labels.max())
