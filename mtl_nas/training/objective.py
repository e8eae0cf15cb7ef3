"""What training minimises: task losses weighed against each other, and AITM's calibrator."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.architecture import Architecture
from mtl_nas.data.schema import Schema
from mtl_nas.design import Losses
from mtl_nas.training.losses import Targets, task_losses


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
