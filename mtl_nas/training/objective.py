"""The number that training minimises: weighted task losses, and AITM's calibrator."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.architecture import Architecture
from mtl_nas.composition import refuse_unsuitable_losses
from mtl_nas.data import Schema
from mtl_nas.design import Losses
from mtl_nas.errors import DesignError
from mtl_nas.training.balancing.famo import Famo
from mtl_nas.training.balancing.gradnorm import GradNorm
from mtl_nas.training.balancing.shared_parameters import SharedParameter
from mtl_nas.training.balancing.weighting import DynamicAverage, GeometricMean, RandomWeights, Uncertainty, Weighting
from mtl_nas.training.losses import BatchTargets, task_losses

WEIGHTINGS: Mapping[str, Callable[[int, SharedParameter | None], Weighting]] = {
    "static": lambda tasks, last: Weighting(tasks),
    "uncertainty": lambda tasks, last: Uncertainty(tasks),
    "dwa": lambda tasks, last: DynamicAverage(tasks),
    "gls": lambda tasks, last: GeometricMean(tasks),
    "rlw": lambda tasks, last: RandomWeights(tasks),
    "gradnorm": GradNorm,
    "famo": lambda tasks, last: Famo(tasks),
}


def calibrator(earlier: Tensor, later: Tensor, valid: Tensor) -> Tensor:
    """Return AITM's penalty on two end-to-end probabilities (B,): max(later - earlier, 0), averaged over valid rows."""
    return (F.relu(later - earlier) * valid).sum() / valid.sum().clamp(min=1.0)


class Objective(nn.Module):
    """The sum over tasks of weighted losses, and the calibrator; of a design with members, the mean of their losses.

    ``last``: the last weights that all tasks share, for GradNorm. A DesignError is raised for a loss that does not fit
    the tasks.
    """

    weights: Tensor
    decay: Tensor
    steps: Tensor

    def __init__(
        self, losses: Losses, architecture: Architecture, schema: Schema, *, last: SharedParameter | None = None
    ) -> None:
        super().__init__()
        self.tasks = [schema.task(name) for name in architecture.tasks]
        self.nodes = [head.node for head in architecture.heads if head.given is None]
        self.losses, self.members = losses, architecture.members
        refuse_misfit(losses, architecture, schema)
        names = architecture.tasks
        self.pairs = [
            (names.index(earlier), names.index(later))
            for earlier, later in schema.nested_pairs
            if losses.calibrator and earlier in names and later in names
        ]
        self.register_buffer("weights", torch.tensor([losses.weight_of(name) for name in names], dtype=torch.float64))
        decay = torch.tensor([losses.decay.get(name, 1.0) for name in names], dtype=torch.float64)
        self.register_buffer("decay", decay, persistent=False)
        if losses.decay:
            self.register_buffer("steps", torch.zeros((), dtype=torch.int64))
        self._all_count = all(losses.weight_of(name) > 0 for name in names)
        self.weighting = WEIGHTINGS[losses.weighting](len(names), last)

    def forward(self, outputs: Mapping[str, Tensor], targets: BatchTargets) -> Tensor:
        """Return the number to minimise, from the outputs of a network and the targets of a batch."""
        logits = [outputs[node] for node in self.nodes]
        total = self.terms(logits, targets)[0].sum()
        for penalty in self.penalties(logits, targets):
            total = total + penalty
        return total

    def terms(self, logits: Sequence[Tensor], targets: BatchTargets) -> tuple[Tensor, Tensor]:
        """Return each task's part of the sum, and which tasks count in this batch; (T,) each."""
        losses, present = self._weighted(logits, targets)
        return self.weighting(losses, present), present

    def penalties(self, logits: Sequence[Tensor], targets: BatchTargets) -> list[Tensor]:
        """Return the calibrator of each nested pair, which belongs to no single task."""
        targets = targets.repeated(self.members)
        probabilities = {index: torch.sigmoid(logits[index][:, 0]) for pair in self.pairs for index in pair}
        return [
            self.losses.calibrator
            * calibrator(
                probabilities[earlier], probabilities[later], targets.valid[:, earlier] * targets.valid[:, later]
            )
            for earlier, later in self.pairs
        ]

    def task_losses(self, logits: Sequence[Tensor], targets: BatchTargets) -> tuple[Tensor, Tensor]:
        """Return mean losses before any weight, and which tasks have a valid row; (T,) each."""
        targets = targets.repeated(self.members)  # equally many valid rows per member: the mean of the members' losses
        return task_losses(logits, targets, self.tasks, positive_weights=self.losses.positive_weights)

    def after_step(self, recompute: Callable[[], tuple[Sequence[Tensor], BatchTargets]]) -> None:
        """Update the weighting after a step; ``recompute`` returns logits and targets at the new weights."""
        self.weighting.after_step(lambda: self._weighted(*recompute())[0])
        if self.losses.decay:
            self.steps += 1

    def epoch_ended(self) -> None:
        """Update the weighting after an epoch."""
        self.weighting.epoch_ended()

    def _weighted(self, logits: Sequence[Tensor], targets: BatchTargets) -> tuple[Tensor, Tensor]:
        losses, present = self.task_losses(logits, targets)
        weights = self.weights
        if self.losses.decay:
            weights = weights * self.decay**self.steps
        if not self._all_count:  # a task of weight 0 is absent, as weightings take logarithms and compare gradients
            present = present & (self.weights > 0)
        return losses * weights, present


def refuse_misfit(losses: Losses, architecture: Architecture, schema: Schema) -> None:
    """Raise DesignError if losses do not fit the schema, or the heads of the architecture."""
    refuse_unsuitable_losses(losses, schema)
    for head in architecture.heads:
        if head.given is None and head.negatives != losses.negatives:
            raise DesignError(
                f"losses.negatives is {losses.negatives:g}, but the head of '{head.task}' corrects for "
                f"{head.negatives:g}; compose the architecture from a design with these losses"
            )
