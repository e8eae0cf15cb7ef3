"""Model-agnostic meta-learning over tasks (Finn et al., 2017), as MetaHeac trains (Zhu et al., 2021)."""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from mtl_nas.design import Meta
from mtl_nas.errors import DesignError
from mtl_nas.model import InputTensors
from mtl_nas.training.functional_forward import Forward, Weights
from mtl_nas.training.losses import BatchTargets
from mtl_nas.training.objective import Objective


class InnerLoop:
    """A batch -> each task's logits on the query half, at weights that the task adapted on the support half.

    The objective of these logits is MAML's outer loss, as a sum over tasks and not their mean, so that weights of tasks
    and of the calibrator mean the same as without meta-learning. Running statistics are those of the support half at
    the weights before adaptation.
    """

    def __init__(self, meta: Meta, forward: Forward, objective: Objective) -> None:
        self.meta, self.forward, self.objective = meta, forward, objective
        self._names = tuple(forward.network.parameters_of(meta.scope))
        if not self._names:
            what = {"task_embedding": "task embedding", "critics": "critics"}.get(meta.scope, "weights")
            raise DesignError(
                f"training.meta.scope {meta.scope} adapts nothing: the design has no {what}; say scope: all"
            )

    def __call__(self, inputs: InputTensors, targets: BatchTargets) -> tuple[list[Tensor], BatchTargets]:
        """Return logits and targets of the query rows; a batch of one row is not halved, and no weights adapt.

        For a task without a valid support row, no query row is valid.
        """
        half = len(targets.labels) // 2
        if not half:
            return self.forward(inputs), targets
        # cuDNN's recurrent layers have no second derivative
        with torch.backends.cudnn.flags(enabled=False) if self.meta.order == 2 else nullcontext():
            return self._query_logits(inputs, targets, half)

    def _query_logits(
        self, inputs: InputTensors, targets: BatchTargets, half: int
    ) -> tuple[list[Tensor], BatchTargets]:
        support_rows, query_rows = slice(None, half), slice(half, None)
        support_inputs, query_inputs = (
            {name: column[rows] for name, column in inputs.items()} for rows in (support_rows, query_rows)
        )
        support, query = targets.at(support_rows), targets.at(query_rows)
        with torch.enable_grad():
            losses, present = self.objective.task_losses(self.forward(support_inputs), support)
            adapted = [
                self._adapted_weights(task, loss, support_inputs, support) for task, loss in enumerate(losses.unbind())
            ]
        logits = [self.forward.at(weights, query_inputs)[task] for task, weights in enumerate(adapted)]
        return logits, replace(query, valid=query.valid * present)

    def _adapted_weights(self, task: int, loss: Tensor, inputs: InputTensors, targets: BatchTargets) -> Weights:
        own = dict(self.forward.network.named_parameters())
        weights: Weights = {name: own[name] for name in self._names}
        for step in range(self.meta.steps):
            if step:
                loss = self.objective.task_losses(self.forward.at(weights, inputs), targets)[0][task]
            weights = self._stepped(weights, loss)
        return weights

    def _stepped(self, weights: Weights, loss: Tensor) -> Weights:
        second_order = self.meta.order == 2
        gradients = torch.autograd.grad(
            loss, list(weights.values()), retain_graph=True, create_graph=second_order, allow_unused=True
        )
        return {
            name: weight if gradient is None else weight - self.meta.inner_rate * gradient
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
