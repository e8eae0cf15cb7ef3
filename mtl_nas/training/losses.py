"""Labels as tensors, and the mean loss of each task over its valid rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data.schema import Task

REGRESSION: dict[str, Callable[..., Tensor]] = {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}


@dataclass(frozen=True)
class Targets:
    """Labels with missing ones replaced by zero, and which are valid; (N, T) each, regression standardised."""

    labels: Tensor
    valid: Tensor

    def at(self, rows: Tensor) -> "Targets":
        """The targets of some rows."""
        return Targets(self.labels.index_select(0, rows), self.valid.index_select(0, rows))


def targets(labels: Tensor, tasks: Sequence[Task]) -> Targets:
    """From labels with NaN where they are missing or outside the task's sample space."""
    valid = ~labels.isnan()
    center = labels.new_tensor([task.center if task.kind == "regression" else 0.0 for task in tasks])
    scale = labels.new_tensor([task.scale if task.kind == "regression" else 1.0 for task in tasks])
    # replaced before any loss is taken: NaN times a weight of zero is NaN
    return Targets(torch.where(valid, (labels - center) / scale, 0.0), valid.to(labels.dtype))


def task_losses(outputs: Sequence[Tensor], found: Targets, tasks: Sequence[Task]) -> tuple[Tensor, Tensor]:
    """Mean loss of each task over its valid rows, and which tasks have any; (T,) each.

    A task without a valid row has loss 0 with zero gradient.
    """
    columns = zip(outputs, found.labels.unbind(1), tasks, strict=True)
    losses = torch.stack([_rows_loss(output, label, task) for output, label, task in columns])  # (T, B)
    counts = found.valid.sum(dim=0)
    return (losses * found.valid.T).sum(dim=1) / counts.clamp(min=1.0), counts > 0


def _rows_loss(output: Tensor, label: Tensor, task: Task) -> Tensor:
    if task.kind == "multiclass":
        return F.cross_entropy(output, label.long(), reduction="none")
    value = output[:, 0]
    if task.kind == "binary":
        return F.binary_cross_entropy_with_logits(value, label, reduction="none")
    return REGRESSION[task.loss](value, label, reduction="none")
