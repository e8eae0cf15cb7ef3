"""Count tasks: how often something happens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields
from mtl_nas.data.tasks.kinds.number_kind import NumberKind
from mtl_nas.metrics import Floats, poisson_deviance


class Count(NumberKind):
    """Labels are whole numbers from 0; predictions are rates."""

    name = "count"
    losses = signed_losses = ("poisson",)
    averages = "rate"

    def possible(self, labels: NDArray[np.float64], task: TaskFields) -> tuple[NDArray[np.bool_], str] | None:
        allowed = ~((labels < 0) | (labels % 1 > 0))  # NaN is allowed
        return allowed, "a count is a whole number from 0: mend the label, or say kind: regression"

    def scaling(self, task: TaskFields, mean: float, deviation: float) -> dict[str, float]:
        """Zero stays zero."""
        return {"scale": mean}

    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        return f"mean {task.scale:.4g}"

    def meaning(self, task: TaskFields) -> str:
        return "the expected count"

    def main_metric(self, task: TaskFields) -> str:
        """D2 of the Poisson deviance."""
        return "d2"

    def deviances(self, task: TaskFields, predictions: Predictions, labels: Labels) -> tuple[Floats, Floats]:
        return poisson_deviance(labels, predictions), poisson_deviance(labels, labels.mean())
