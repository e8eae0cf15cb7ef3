"""Links and losses of task kinds: the torch half of ``data/tasks/kinds``.

The module of a kind has the name of the kind, and holds a ``TorchKind`` under that name in capitals.
"""

from collections.abc import Mapping
from importlib import import_module

from torch import Tensor

from mtl_nas.data import KINDS, Task
from mtl_nas.model.kinds.torch_kind import RowLoss, TorchKind

TORCH_KINDS: Mapping[str, TorchKind] = {
    name: getattr(import_module(f"{__name__}.{name}"), name.upper()) for name in KINDS
}


def linked(outputs: Tensor, task: Task) -> Tensor:
    """Return predictions of a task from the outputs (B, K) of its head."""
    return TORCH_KINDS[task.kind].link(outputs, task)


def row_loss(task: Task) -> RowLoss:
    """Return the loss function of a task."""
    return TORCH_KINDS[task.kind].losses[task.loss]


__all__ = ["TORCH_KINDS", "RowLoss", "TorchKind", "linked", "row_loss"]
