"""Targets of a batch as tensors, and the mean loss of each task over its valid rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import torch
from torch import Tensor

from mtl_nas.data import Rows, Schema, Task
from mtl_nas.model import row_loss

NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class BatchTargets:
    """Labels and their validity (B, T), and weights of rows (B,) or None; missing labels are replaced by zero.

    Numbers are standardised by their task: (y - center) / scale.
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

    def repeated(self, members: int) -> "BatchTargets":
        """Return the targets of the rows of all members, (members * B, T): those of each member after another's."""
        if members == 1:
            return self
        weights = None if self.weights is None else self.weights.repeat(members)
        return BatchTargets(self.labels.repeat(members, 1), self.valid.repeat(members, 1), weights)

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
    if any(factors.values()) or order != sorted(order):  # row by row: an index tensor would be copied to the device
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
    """Return the indices of tasks by their loss: those of a group are computed in one call."""
    return _equal_indices(tuple((task.loss, task.outputs, task.quantile) for task in tasks))


@cache
def _equal_indices(values: tuple[tuple[str, int, float], ...]) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(index for index, value in enumerate(values) if value == first) for first in dict.fromkeys(values)
    )


def _row_losses(outputs: Sequence[Tensor], labels: Tensor, tasks: Sequence[Task], group: Sequence[int]) -> Tensor:
    """Outputs (B, K) per task, labels (B, T) -> losses (tasks of the group, B)."""
    first = group[0]
    if len(group) == 1:
        return row_loss(tasks[first])(outputs[first], labels[:, first], tasks[first]).unsqueeze(0)
    output, label = torch.cat([outputs[index] for index in group]), labels.T
    label = label.reshape(-1) if len(group) == len(tasks) else torch.cat([label[index] for index in group])
    return row_loss(tasks[first])(output, label, tasks[first]).view(len(group), -1)
