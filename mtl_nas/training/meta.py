"""Model-agnostic meta-learning over tasks (Finn et al., 2017), as MetaHeac trains (Zhu et al., 2021)."""

from contextlib import nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from mtl_nas.design import Meta
from mtl_nas.errors import DesignError
from mtl_nas.training.functional_forward import Features, Forward, Weights
from mtl_nas.training.losses import Targets
from mtl_nas.training.objective import Objective


class Adaptation:
    """A batch -> each task's logits on the query half, at weights that the task adapted on the support half.

    The objective of these is MAML's outer loss: the sum over tasks, T times the mean, so that weights of tasks and of
    the calibrator mean what they mean without it. Nothing is kept between batches; running moments follow the support
    half at the weights that predict.
    """

    def __init__(self, meta: Meta, forward: Forward, objective: Objective) -> None:
        self.meta, self.forward, self.objective = meta, forward, objective
        self._names = tuple(forward.network.parameters_of(meta.scope))
        if not self._names:
            what = {"task_embedding": "task embedding", "critics": "critics"}.get(meta.scope, "weights")
            raise DesignError(
                f"training.meta.scope {meta.scope} adapts nothing: the design has no {what}; say scope: all"
            )

    def __call__(self, features: Features, found: Targets) -> tuple[list[Tensor], Targets]:
        """Logits and targets of the query rows; a task without a support row is out. One row is a plain batch."""
        half = len(found.labels) // 2
        if not half:
            return self.forward(features), found
        # cuDNN's recurrent layers have no second derivative
        with torch.backends.cudnn.flags(enabled=False) if self.meta.order == 2 else nullcontext():
            return self._adapted_logits(features, found, half)

    def _adapted_logits(self, features: Features, found: Targets, half: int) -> tuple[list[Tensor], Targets]:
        first, second = _rows(features, slice(None, half)), _rows(features, slice(half, None))
        support, query = _targets(found, slice(None, half)), _targets(found, slice(half, None))
        with torch.enable_grad():
            losses, present = self.objective.task_losses(self.forward(first), support)
            adapted = [self._adapted(task, loss, first, support) for task, loss in enumerate(losses.unbind())]
        logits = [self.forward.at(weights, second)[task] for task, weights in enumerate(adapted)]
        return logits, replace(query, valid=query.valid * present)

    def _adapted(self, task: int, loss: Tensor, features: Features, found: Targets) -> Weights:
        own = dict(self.forward.network.named_parameters())
        weights: Weights = {name: own[name] for name in self._names}
        for step in range(self.meta.steps):
            if step:
                loss = self.objective.task_losses(self.forward.at(weights, features), found)[0][task]
            weights = self._moved(weights, loss)
        return weights

    def _moved(self, weights: Weights, loss: Tensor) -> Weights:
        second = self.meta.order == 2
        slopes = torch.autograd.grad(
            loss, list(weights.values()), retain_graph=True, create_graph=second, allow_unused=True
        )
        return {
            name: weight if slope is None else weight - self.meta.inner_rate * slope
            for (name, weight), slope in zip(weights.items(), slopes, strict=True)
        }


def _rows(features: Features, rows: slice) -> Features:
    return {name: column[rows] for name, column in features.items()}


def _targets(found: Targets, rows: slice) -> Targets:
    weights = None if found.weights is None else found.weights[rows]
    return Targets(found.labels[rows], found.valid[rows], weights)
