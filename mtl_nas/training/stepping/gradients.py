"""What one step of training does to the gradients: plainly, over adapted copies, or where tasks' gradients disagree."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mtl_nas.data import Schema
from mtl_nas.design import Losses, Training
from mtl_nas.model import Network
from mtl_nas.training.balancing.aggregation import Direction
from mtl_nas.training.balancing.shared_parameters import last_shared, shared
from mtl_nas.training.functional_forward import NONE, Forward
from mtl_nas.training.losses import Targets
from mtl_nas.training.meta import Adaptation
from mtl_nas.training.objective import Objective
from mtl_nas.training.stepping.sparse_tables import LargeTables

REPEATING = ("static", "uncertainty", "gls", "dwa")  # weightings whose state is of tensors alone


class Descent:
    """A network in training and its objective; batches in, gradients out."""

    def __init__(
        self, network: Network, losses: Losses, training: Training, schema: Schema, large: LargeTables | None = None
    ) -> None:
        self.network, architecture = network, network.architecture
        self.large = large
        reaching = network.reaching()
        first = next(network.parameters())
        last = last_shared(reaching, architecture.tasks)
        self.objective = Objective(losses, architecture, schema, last=last).to(first.device, first.dtype)
        self.forward = Forward(network, self.objective.nodes, halved=training.precision == "bfloat16")
        self.adaptation = Adaptation(training.meta, self.forward, self.objective) if training.meta else None
        self.direction: Direction | None = None
        if losses.aggregation != "none":
            found = shared(reaching, () if losses.aggregate_embeddings else network.tables())
            self.direction = Direction(losses.aggregation, len(architecture.tasks), found)

    @property
    def repeats(self) -> bool:
        """Every step does the same on the device: the host counts, draws and chooses nothing in it."""
        losses = self.objective.losses
        return self.direction is None and self.adaptation is None and not self.large and losses.weighting in REPEATING

    def fill(self, features: Mapping[str, Tensor], found: Targets) -> Tensor:
        """What is minimised on a batch; every parameter, ``grad`` empty before, has its gradient after."""
        logits, found = self._logits(features, found)
        terms, present = self.objective.terms(logits, found)
        price = self.network.penalty()
        rest = [*self.objective.penalties(logits, found), *(() if price is None else (price,))]
        total = sum(rest, terms.sum())
        if self.direction is None:
            torch.autograd.backward(total)
        else:
            self.direction.fill(terms, present, rest)
        return total.detach()

    def after_step(self, features: Mapping[str, Tensor], found: Targets) -> None:
        """The optimizer has moved the weights by that batch."""

        def again() -> tuple[list[Tensor], Targets]:
            with torch.no_grad():
                return self._logits(features, found, trace=False)

        self.objective.after_step(again)

    @property
    def memory(self) -> Tensor | None:
        """What goes from step to step beside the objective's state; None where that is nothing."""
        return None if self.direction is None else self.direction.memory

    @memory.setter
    def memory(self, memory: Tensor | None) -> None:
        if self.direction is not None:
            self.direction.memory = memory

    def _logits(
        self, features: Mapping[str, Tensor], found: Targets, *, trace: bool = True
    ) -> tuple[list[Tensor], Targets]:
        if self.adaptation is not None:
            return self.adaptation(features, found)
        if not trace:
            return self.forward.at({}, features), found
        features, weights = self.large.read(features) if self.large else (features, NONE)
        return self.forward(features, weights), found
