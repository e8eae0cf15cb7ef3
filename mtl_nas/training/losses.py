"""Labels as tensors, and the mean loss of each task over its valid rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from mtl_nas.data.schema import Task
from mtl_nas.model.prediction import log_deviation

FOCUS = 2.0  # gamma of the focal loss, the best of its paper
NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Targets:
    """Labels with missing ones replaced by zero, and which are valid, (B, T) each; what rows count, (B,) or None.

    Numbers are as the model works on them: (y - center) / scale of their task.
    """

    labels: Tensor
    valid: Tensor
    weights: Tensor | None = None

    def at(self, rows: Tensor) -> "Targets":
        """The targets of some rows."""
        weights = None if self.weights is None else self.weights.index_select(0, rows)
        return Targets(self.labels.index_select(0, rows), self.valid.index_select(0, rows), weights)

    def tensors(self) -> dict[str, Tensor]:
        """By the names of the fields."""
        return {name: value for name, value in vars(self).items() if value is not None}

    @classmethod
    def among(cls, tensors: Mapping[str, Tensor]) -> "Targets":
        """What ``tensors`` gave, among others."""
        return cls(tensors["labels"], tensors["valid"], tensors.get("weights"))


def targets(labels: Tensor, tasks: Sequence[Task], *, weights: Tensor | None = None) -> Targets:
    """From labels with NaN where they are missing or outside the task's sample space."""
    valid = ~labels.isnan()
    center = labels.new_tensor([task.center for task in tasks])
    scale = labels.new_tensor([task.scale for task in tasks])
    # replaced before any loss is taken: NaN times a weight of zero is NaN
    return Targets(torch.where(valid, (labels - center) / scale, 0.0), valid.to(labels.dtype), weights)


def task_losses(
    outputs: Sequence[Tensor],
    found: Targets,
    tasks: Sequence[Task],
    *,
    positive_weights: Mapping[str, float] = NONE,
) -> tuple[Tensor, Tensor]:
    """``sum(M w l) / sum(M w)`` of each task over its valid rows M, and which tasks have any; (T,) each.

    ``positive_weights``: factors on ``l``, not on ``w``, in the positive rows of binary tasks, by name. A task without
    a valid row has loss 0 with zero gradient.
    """
    losses = torch.cat([_rows_losses(outputs, found.labels, tasks, group) for group in _groups(tasks)])  # (T, B)
    order = [place for group in _groups(tasks) for place in group]
    factors = {place: positive_weights.get(task.name) for place, task in enumerate(tasks) if task.rules.is_event}
    if any(factors.values()) or order != sorted(order):  # by rows: an index would come from the host at every step
        rows = losses.unbind()
        rows = tuple(
            _heavier(rows[order.index(place)], found.labels[:, place], factors.get(place)) for place in range(len(rows))
        )
        losses = torch.stack(rows)
    if found.weights is None:
        counts = found.valid.sum(dim=0)
        return (losses * found.valid.T).sum(dim=1) / counts.clamp(min=1.0), counts > 0
    weights = found.valid.T * found.weights  # (T, B)
    totals = weights.sum(dim=1)
    return (losses * weights).sum(dim=1) / torch.where(totals > 0, totals, 1.0), totals > 0


def _heavier(loss: Tensor, label: Tensor, factor: float | None) -> Tensor:
    """(B,): times the factor where the label is positive."""
    return loss if factor is None else loss * (1.0 + (factor - 1.0) * label)


@cache
def _grouped(kinds: tuple[tuple[str, int, float], ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(place for place, kind in enumerate(kinds) if kind == one) for one in dict.fromkeys(kinds))


def _groups(tasks: Sequence[Task]) -> tuple[tuple[int, ...], ...]:
    """Places of the tasks that one call of a loss serves."""
    return _grouped(tuple((task.loss, task.outputs, task.quantile) for task in tasks))


def _rows_losses(outputs: Sequence[Tensor], labels: Tensor, tasks: Sequence[Task], group: Sequence[int]) -> Tensor:
    """(B, K) each, (B, T) -> (tasks of the group, B)."""
    first = group[0]
    if len(group) == 1:
        return LOSSES[tasks[first].loss](outputs[first], labels[:, first], tasks[first]).unsqueeze(0)
    joined, known = torch.cat([outputs[place] for place in group]), labels.T
    known = known.reshape(-1) if len(group) == len(tasks) else torch.cat([known[place] for place in group])
    return LOSSES[tasks[first].loss](joined, known, tasks[first]).view(len(group), -1)


# One loss a function: outputs of a head (B, K), labels (B,) and their task -> (B,)


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
