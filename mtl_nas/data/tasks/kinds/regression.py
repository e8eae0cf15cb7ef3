"""Regression tasks: a mean, a quantile (loss ``quantile``) or an amount that is often zero (``ziln``, ``tweedie``)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.tasks.kinds.kind import Labels, Predictions, TaskFields
from mtl_nas.data.tasks.kinds.number_kind import NumberKind
from mtl_nas.metrics import Floats, Score, mean_or_none, pinball_loss, squared_error

AMOUNTS = ("ziln", "tweedie")  # losses of labels that are 0 or more


class Regression(NumberKind):
    """Labels are any numbers; those of the losses ``ziln`` (Wang et al., 2019) and ``tweedie`` are 0 or more.

    ``ziln`` has three outputs, the other losses have one.
    """

    name = "regression"
    losses = ("mse", "mae", "huber", "quantile", "ziln", "tweedie")
    signed_losses = ("ziln",)
    head_width = "any"
    averages = "state"

    def possible(self, labels: NDArray[np.float64], task: TaskFields) -> tuple[NDArray[np.bool_], str] | None:
        if task.loss not in AMOUNTS:
            return None
        rule = f"an amount under loss {task.loss} is 0 or more: mend the label, or choose another loss"
        return ~(labels < 0), rule

    def label_origin(self, task: TaskFields, smallest: float) -> float:
        """The smallest label; 0 for amounts, where zero stays zero."""
        return 0.0 if task.loss in AMOUNTS else smallest

    def measured(self, labels: NDArray[np.float64], task: TaskFields) -> NDArray[np.float64]:
        """Every label; under loss ziln positive ones."""
        return np.where(labels > 0, labels, np.nan) if task.loss == "ziln" else labels

    def scaling(self, task: TaskFields, mean: float, deviation: float) -> dict[str, float]:
        """Zero stays zero where labels are amounts."""
        return {"scale": mean} if task.loss in AMOUNTS else {"center": mean, "scale": deviation}

    def outputs(self, task: TaskFields) -> int:
        """One number, or the three parameters of a zero-inflated log-normal distribution."""
        return 3 if task.loss == "ziln" else 1

    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        if task.loss == "ziln":
            return f"{100 * (train > 0).mean():.3g} % above 0, their mean {task.scale:.4g}"
        return f"mean {task.origin + task.center:.4g}, deviation {task.scale:.4g}"

    def meaning(self, task: TaskFields) -> str:
        if task.loss == "quantile":
            return f"the value that {100 * task.quantile:.3g} % of the labels do not exceed"
        return "the expected amount" if task.loss in AMOUNTS else "a number in the unit of the label"

    def main_metric(self, task: TaskFields) -> str:
        """R2, or D2 of the pinball loss."""
        return "d2" if task.loss == "quantile" else "r2"

    def deviances(self, task: TaskFields, predictions: Predictions, labels: Labels) -> tuple[Floats, Floats]:
        if task.loss != "quantile":
            return squared_error(labels, predictions), squared_error(labels, labels.mean())
        constant = float(np.quantile(labels, task.quantile, method="inverted_cdf"))  # interpolated quantiles cost more
        return pinball_loss(labels, predictions, task.quantile), pinball_loss(labels, constant, task.quantile)

    def errors(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        """RMSE and MAE; of a quantile the pinball loss and the share of labels at or below the prediction."""
        if task.loss != "quantile":
            return super().errors(task, predictions, labels)
        return {
            "pinball": mean_or_none(pinball_loss(labels, predictions, task.quantile)),
            "coverage": mean_or_none(labels <= predictions),
        }
