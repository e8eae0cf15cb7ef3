"""What training minimises: task losses weighed against each other, and AITM's calibrator."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.architecture import Architecture
from mtl_nas.composition.loss_checks import refuse_unfit_losses
from mtl_nas.data.schema import Schema
from mtl_nas.design import Losses
from mtl_nas.errors import DesignError
from mtl_nas.training.balancing.famo import Famo
from mtl_nas.training.balancing.gradnorm import GradNorm
from mtl_nas.training.balancing.shared_parameters import Shared
from mtl_nas.training.balancing.weighting import DynamicAverage, GeometricMean, RandomWeights, Uncertainty, Weighting
from mtl_nas.training.losses import Targets, task_losses

WEIGHTINGS: Mapping[str, Callable[[int, Shared | None], Weighting]] = {
    "static": lambda tasks, last: Weighting(tasks),
    "uncertainty": lambda tasks, last: Uncertainty(tasks),
    "dwa": lambda tasks, last: DynamicAverage(tasks),
    "gls": lambda tasks, last: GeometricMean(tasks),
    "rlw": lambda tasks, last: RandomWeights(tasks),
    "gradnorm": GradNorm,
    "famo": lambda tasks, last: Famo(tasks),
}


def calibrator(earlier: Tensor, later: Tensor, valid: Tensor) -> Tensor:
    """AITM's penalty on two end-to-end probabilities (B,): mean of max(later - earlier, 0) over rows valid in both."""
    return (F.relu(later - earlier) * valid).sum() / valid.sum().clamp(min=1.0)


class Objective(nn.Module):
    """What training minimises: ``sum_t`` of the weighed task losses, and the calibrator.

    ``last``: the last weights that all tasks share, for GradNorm. A DesignError says which loss or task does not fit.
    """

    weights: Tensor
    decay: Tensor
    steps: Tensor

    def __init__(
        self, losses: Losses, architecture: Architecture, schema: Schema, *, last: Shared | None = None
    ) -> None:
        super().__init__()
        self.tasks = [schema.task(name) for name in architecture.tasks]
        self.places = [schema.task_names.index(task.name) for task in self.tasks]
        self.nodes = [head.node for head in architecture.heads if head.given is None]
        self.losses = losses
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
        self._counted = all(losses.weight_of(name) > 0 for name in names)
        self.weighting = WEIGHTINGS[losses.weighting](len(names), last)

    def forward(self, outputs: Mapping[str, Tensor], found: Targets) -> Tensor:
        """The number to minimise, from what a network gives and a batch's targets."""
        logits = [outputs[node] for node in self.nodes]
        total = self.terms(logits, found)[0].sum()
        for penalty in self.penalties(logits, found):
            total = total + penalty
        return total

    def terms(self, logits: Sequence[Tensor], found: Targets) -> tuple[Tensor, Tensor]:
        """Each task's part of the sum, and which tasks count in this batch; (T,) each."""
        losses, present = self._weighed(logits, found)
        return self.weighting(losses, present), present

    def penalties(self, logits: Sequence[Tensor], found: Targets) -> list[Tensor]:
        """The calibrator of each nested pair: what belongs to no single task."""
        chances = {place: torch.sigmoid(logits[place][:, 0]) for pair in self.pairs for place in pair}
        return [
            self.losses.calibrator
            * calibrator(chances[earlier], chances[later], found.valid[:, earlier] * found.valid[:, later])
            for earlier, later in self.pairs
        ]

    def task_losses(self, logits: Sequence[Tensor], found: Targets) -> tuple[Tensor, Tensor]:
        """Mean losses before any weight, and which tasks have a valid row; (T,) each."""
        return task_losses(logits, found, self.tasks, positive_weights=self.losses.positive_weights)

    def after_step(self, again: Callable[[], tuple[Sequence[Tensor], Targets]]) -> None:
        """The weights have moved; ``again`` gives logits and targets of the same batch at the new ones."""
        self.weighting.after_step(lambda: self._weighed(*again())[0])
        if self.losses.decay:
            self.steps += 1

    def epoch_ended(self) -> None:
        """Every train row was seen once more."""
        self.weighting.epoch_ended()

    def _weighed(self, logits: Sequence[Tensor], found: Targets) -> tuple[Tensor, Tensor]:
        losses, present = self.task_losses(logits, found)
        weights = self.weights
        if self.losses.decay:
            weights = weights * self.decay**self.steps
        if not self._counted:  # a task of weight 0 is none: its logarithm is endless, its gradient a zero row
            present = present & (self.weights > 0)
        return losses * weights, present


def refuse_misfit(losses: Losses, architecture: Architecture, schema: Schema) -> None:
    """A DesignError where losses do not fit the schema, or the heads of the architecture."""
    refuse_unfit_losses(losses, schema)
    for head in architecture.heads:
        if head.given is None and head.negatives != losses.negatives:
            raise DesignError(
                f"losses.negatives is {losses.negatives:g}, but the head of '{head.task}' corrects for "
                f"{head.negatives:g}; compose the architecture from a design with these losses"
            )
