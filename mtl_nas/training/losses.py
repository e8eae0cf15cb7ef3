"""Targets of a batch as tensors, and the mean loss of each task over its valid rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data import Rows, Schema
from mtl_nas.data.schema import Task
from mtl_nas.model.prediction import log_deviation

FOCUS = 2.0  # gamma of the focal loss, the best of its paper
NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class BatchTargets:
    """Labels and their validity (B, T), and weights of rows (B,) or None; missing labels are replaced by zero.

    Numbers are standardised as their task says: (y - center) / scale.
    """

    labels: Tensor
    valid: Tensor
    weights: Tensor | None = None

    @classmethod
    def of(cls, labels: Tensor, tasks: Sequence[Task], *, weights: Tensor | None = None) -> "BatchTargets":
        """Return targets from labels (B, T), which are NaN if missing or outside the sample space of their task."""
        valid = ~labels.isnan()
        center = labels.new_tensor([task.center for task in tasks])
        scale = labels.new_tensor([task.scale for task in tasks])
        # replaced before any loss is taken: NaN times a weight of zero is NaN
        return cls(torch.where(valid, (labels - center) / scale, 0.0), valid.to(labels.dtype), weights)

    @classmethod
    def of_rows(
        cls, rows: Rows, schema: Schema, tasks: Sequence[str], *, device: torch.device, dtype: torch.dtype
    ) -> "BatchTargets":
        """Return the targets of encoded rows for the named tasks, on a device."""
        columns = [schema.task_names.index(name) for name in tasks]
        labels = torch.from_numpy(rows.labels[:, columns]).to(device, dtype)
        weights = None if rows.weights is None else torch.tensor(rows.weights, device=device, dtype=dtype)
        return cls.of(labels, [schema.task(name) for name in tasks], weights=weights)

    @classmethod
    def among(cls, tensors: Mapping[str, Tensor]) -> "BatchTargets":
        """Return the targets whose ``tensors()`` are among the given ones."""
        return cls(tensors["labels"], tensors["valid"], tensors.get("weights"))

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors by the names of their fields."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def at(self, rows: Tensor | slice) -> "BatchTargets":
        """Return the targets of some rows."""
        if isinstance(rows, slice):
            weights = None if self.weights is None else self.weights[rows]
            return BatchTargets(self.labels[rows], self.valid[rows], weights)
        weights = None if self.weights is None else self.weights.index_select(0, rows)
        return BatchTargets(self.labels.index_select(0, rows), self.valid.index_select(0, rows), weights)


def task_losses(
    outputs: Sequence[Tensor],
    targets: BatchTargets,
    tasks: Sequence[Task],
    *,
    positive_weights: Mapping[str, float] = NONE,
) -> tuple[Tensor, Tensor]:
    """Return ``sum(M w l) / sum(M w)`` of each task over its valid rows M, and which tasks have any; (T,) each.

    ``positive_weights``: factors on ``l``, not on ``w``, in the positive rows of binary tasks, by name. A task without
    a valid row has loss 0 with zero gradient.
    """
    losses = torch.cat([_row_losses(outputs, targets.labels, tasks, group) for group in _groups(tasks)])  # (T, B)
    order = [index for group in _groups(tasks) for index in group]
    factors = {index: positive_weights.get(task.name) for index, task in enumerate(tasks) if task.rules.is_event}
    if any(factors.values()) or order != sorted(order):  # by rows: an index would come from the host at every step
        rows = losses.unbind()
        rows = tuple(
            _weighed(rows[order.index(index)], targets.labels[:, index], factors.get(index))
            for index in range(len(rows))
        )
        losses = torch.stack(rows)
    if targets.weights is None:
        counts = targets.valid.sum(dim=0)
        return (losses * targets.valid.T).sum(dim=1) / counts.clamp(min=1.0), counts > 0
    weights = targets.valid.T * targets.weights  # (T, B)
    totals = weights.sum(dim=1)
    return (losses * weights).sum(dim=1) / torch.where(totals > 0, totals, 1.0), totals > 0


def _weighed(loss: Tensor, label: Tensor, factor: float | None) -> Tensor:
    """(B,) -> (B,): the loss times the factor in positive rows."""
    return loss if factor is None else loss * (1.0 + (factor - 1.0) * label)


def _groups(tasks: Sequence[Task]) -> tuple[tuple[int, ...], ...]:
    """Return the indices of tasks that one call of a loss serves."""
    return _equal_indices(tuple((task.loss, task.outputs, task.quantile) for task in tasks))


@cache
def _equal_indices(values: tuple[tuple[str, int, float], ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(index for index, value in enumerate(values) if value == first) for first in dict.fromkeys(values)
    )


def _row_losses(outputs: Sequence[Tensor], labels: Tensor, tasks: Sequence[Task], group: Sequence[int]) -> Tensor:
    """(B, K) each, (B, T) -> (tasks of the group, B)."""
    first = group[0]
    if len(group) == 1:
        return LOSSES[tasks[first].loss](outputs[first], labels[:, first], tasks[first]).unsqueeze(0)
    output, label = torch.cat([outputs[index] for index in group]), labels.T
    label = label.reshape(-1) if len(group) == len(tasks) else torch.cat([label[index] for index in group])
    return LOSSES[tasks[first].loss](output, label, tasks[first]).view(len(group), -1)


# Losses per row: outputs of a head (B, K), labels (B,) and their task -> (B,)


def _bce(output: Tensor, label: Tensor, task: Task) -> Tensor:
    return F.binary_cross_entropy_with_logits(output[:, 0], label, reduction="none")


def _focal(output: Tensor, label: Tensor, task: Task) -> Tensor:
    """``-(1 - p)^2 log p`` of the label's probability p: rows that are sure count little (Lin et al., 2017)."""
    logit = torch.where(label == 1, output[:, 0], -output[:, 0])
    return -(torch.sigmoid(-logit) ** FOCUS) * F.logsigmoid(logit)


def _cross_entropy(output: Tensor, label: Tensor, task: Task) -> Tensor:
    return F.cross_entropy(output, label.long(), reduction="none")


def _cumulative(output: Tensor, label: Tensor, task: Task) -> Tensor:
    """``-log P(y = k)`` from falling logits of P(y > 0), P(y > 1) ...: cumulative link (McCullagh, 1980).

    ``sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - e^(b-a))``, so that no probabilities are subtracted.
    """
    above, below = F.logsigmoid(output), F.logsigmoid(-output)  # (B, K-1)
    gaps = (output[:, :-1] - output[:, 1:]).clamp(min=torch.finfo(output.dtype).eps)
    inner = above[:, :-1] + below[:, 1:] + torch.log(-torch.expm1(-gaps))  # (B, K-2)
    log_chances = torch.cat([below[:, :1], inner, above[:, -1:]], dim=1)  # (B, K)
    return F.nll_loss(log_chances, label.long(), reduction="none")


def _mse(output: Tensor, label: Tensor, task: Task) -> Tensor:
    return F.mse_loss(output[:, 0], label, reduction="none")


def _mae(output: Tensor, label: Tensor, task: Task) -> Tensor:
    return F.l1_loss(output[:, 0], label, reduction="none")


def _huber(output: Tensor, label: Tensor, task: Task) -> Tensor:
    return F.huber_loss(output[:, 0], label, reduction="none")


def _quantile(output: Tensor, label: Tensor, task: Task) -> Tensor:
    """The pinball loss (Koenker and Bassett, 1978)."""
    error = label - output[:, 0]
    return torch.maximum(task.quantile * error, (task.quantile - 1.0) * error)


def _poisson(output: Tensor, label: Tensor, task: Task) -> Tensor:
    """``rate - y log(rate)`` of log(rate): the likelihood but for a term of y alone."""
    return output[:, 0].exp() - label * output[:, 0]


def _ziln(output: Tensor, label: Tensor, task: Task) -> Tensor:
    """Zero-inflated log-normal (Wang et al., 2019): the chance of an amount, and where there is one, its density."""
    positive = (label > 0).to(label.dtype)
    log_label = torch.where(label > 0, label, 1.0).log()
    spread = log_deviation(output)
    density = log_label + spread.log() + math.log(2 * math.pi) / 2 + ((log_label - output[:, 1]) / spread) ** 2 / 2
    return F.binary_cross_entropy_with_logits(output[:, 0], positive, reduction="none") + positive * density


LOSSES: Mapping[str, Callable[[Tensor, Tensor, Task], Tensor]] = {
    "bce": _bce,
    "focal": _focal,
    "cross_entropy": _cross_entropy,
    "cumulative": _cumulative,
    "mse": _mse,
    "mae": _mae,
    "huber": _huber,
    "quantile": _quantile,
    "poisson": _poisson,
    "ziln": _ziln,
}
