"""Task losses over valid rows, their weighing, and AITM's calibrator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.architecture import Architecture
from mtl_nas.data.schema import Schema, Task
from mtl_nas.design import Losses

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


def calibrator(earlier: Tensor, later: Tensor, valid: Tensor) -> Tensor:
    """AITM's penalty on two end-to-end probabilities (B,): mean of max(later - earlier, 0) over rows valid in both."""
    return (F.relu(later - earlier) * valid).sum() / valid.sum().clamp(min=1.0)


class Objective(nn.Module):
    """What training minimises: one number from a network's outputs and a batch's targets."""

    weights: Tensor

    def __init__(self, losses: Losses, architecture: Architecture, schema: Schema) -> None:
        super().__init__()
        self.tasks = [schema.task(name) for name in architecture.tasks]
        self.places = [schema.task_names.index(task.name) for task in self.tasks]
        self.nodes = [head.node for head in architecture.heads if head.given is None]
        self.losses = losses
        names = architecture.tasks
        self.pairs = [
            (names.index(earlier), names.index(later))
            for earlier, later in schema.nested_pairs
            if losses.calibrator and earlier in names and later in names
        ]
        self.register_buffer("weights", torch.tensor([losses.weight_of(name) for name in names], dtype=torch.float64))
        learned = losses.weighting == "uncertainty"
        self.log_variances = nn.Parameter(torch.zeros(len(names))) if learned else None

    def forward(self, outputs: Mapping[str, Tensor], found: Targets) -> Tensor:
        """The weighed sum, over the tasks that have a valid row."""
        logits = [outputs[node] for node in self.nodes]
        losses, present = task_losses(logits, found, self.tasks)
        losses = losses * self.weights
        if self.log_variances is not None:  # Kendall et al. (2018); an absent task must not drift
            losses = torch.where(present, losses / (2 * self.log_variances.exp()) + self.log_variances / 2, 0.0)
        total = losses.sum()
        for earlier, later in self.pairs:
            both = found.valid[:, earlier] * found.valid[:, later]
            before, after = (torch.sigmoid(logits[place][:, 0]) for place in (earlier, later))
            total = total + self.losses.calibrator * calibrator(before, after, both)
        return total
