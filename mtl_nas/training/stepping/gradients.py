"""Gradients of one batch: of the sum of losses, by meta-learning, or aggregated from the tasks' gradients."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mtl_nas.data import Schema
from mtl_nas.design import Losses, Training
from mtl_nas.model import InputTensors, Network
from mtl_nas.training.balancing.aggregation import GradientAggregation
from mtl_nas.training.balancing.shared_parameters import last_shared, shared
from mtl_nas.training.functional_forward import NONE, Forward
from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.meta import InnerLoop
from mtl_nas.training.objective import Objective
from mtl_nas.training.stepping.sparse_tables import SparseTables

REPEATING = ("static", "uncertainty", "gls", "dwa")  # weightings whose state is in tensors only


class BackwardPass:
    """A network and its objective: batches in, gradients of all parameters out."""

    def __init__(
        self, network: Network, losses: Losses, training: Training, schema: Schema, sparse: SparseTables | None = None
    ) -> None:
        self.network, self.sparse, architecture = network, sparse, network.architecture
        reaching = network.reaching()
        first = next(network.parameters())
        last = last_shared(reaching, architecture.tasks)
        self.objective = Objective(losses, architecture, schema, last=last).to(first.device, first.dtype)
        self.forward = Forward(network, self.objective.nodes, half_precision=training.precision == "bfloat16")
        self.inner_loop = InnerLoop(training.meta, self.forward, self.objective) if training.meta else None
        self.aggregation: GradientAggregation | None = None
        if losses.aggregation != "none":
            parts = shared(reaching, () if losses.aggregate_embeddings else network.tables())
            self.aggregation = GradientAggregation(losses.aggregation, len(architecture.tasks), parts)

    @property
    def repeats(self) -> bool:
        """Whether every step runs the same kernels, without counts, draws or branches on the host."""
        plain = self.aggregation is None and self.inner_loop is None and not self.sparse
        return plain and self.objective.losses.weighting in REPEATING

    def fill(self, inputs: InputTensors, targets: BatchTargets) -> Tensor:
        """Set the ``grad`` of every parameter, which must be None before; return the loss of the batch."""
        logits, targets = self._logits(inputs, targets)
        terms, present = self.objective.terms(logits, targets)
        network_penalty = self.network.penalty()
        penalties = [
            *self.objective.penalties(logits, targets),
            *(() if network_penalty is None else (network_penalty,)),
        ]
        total = sum(penalties, terms.sum())
        if self.aggregation is None:
            torch.autograd.backward(total)
        else:
            self.aggregation.fill(terms, present, penalties)
        return total.detach()

    def after_step(self, inputs: InputTensors, targets: BatchTargets) -> None:
        """Update the objective after the optimizer's step on a batch."""

        def recompute() -> tuple[list[Tensor], BatchTargets]:
            with torch.no_grad():
                return self._logits(inputs, targets, trained=False)

        self.objective.after_step(recompute)

    def state_dict(self) -> dict[str, Any]:
        """Return all state that steps carry beside that of the network and the optimizer."""
        return {
            "objective": self.objective.state_dict(),
            "aggregation": self.aggregation.carried if self.aggregation else None,
            "sparse_tables": self.sparse.state_dict() if self.sparse else None,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Load a result of ``state_dict``; the state of the network must be loaded before."""
        self.objective.load_state_dict(state["objective"])
        if self.aggregation:
            self.aggregation.carried = state["aggregation"]
        if self.sparse:
            self.sparse.load_state_dict(state["sparse_tables"])

    def _logits(
        self, inputs: InputTensors, targets: BatchTargets, *, trained: bool = True
    ) -> tuple[list[Tensor], BatchTargets]:
        if self.inner_loop is not None:
            return self.inner_loop(inputs, targets)
        if not trained:
            return self.forward.at({}, inputs), targets
        inputs, weights = self.sparse.for_step(inputs) if self.sparse else (inputs, NONE)
        return self.forward(inputs, weights), targets
