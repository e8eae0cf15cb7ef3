"""Links and losses of task kinds: the torch half of ``data/tasks/kinds``, one file per kind."""

from collections.abc import Mapping

from torch import Tensor

from mtl_nas.data import Task
from mtl_nas.model.kinds.binary import BINARY
from mtl_nas.model.kinds.count import COUNT
from mtl_nas.model.kinds.multiclass import MULTICLASS
from mtl_nas.model.kinds.ordinal import ORDINAL
from mtl_nas.model.kinds.regression import REGRESSION
from mtl_nas.model.kinds.torch_kind import RowLoss, TorchKind

TORCH_KINDS: Mapping[str, TorchKind] = {
    "binary": BINARY,
    "multiclass": MULTICLASS,
    "ordinal": ORDINAL,
    "regression": REGRESSION,
    "count": COUNT,
}


def linked(outputs: Tensor, task: Task) -> Tensor:
    """Return predictions of a task from the outputs (B, K) of its head."""
    return TORCH_KINDS[task.kind].link(outputs, task)


def row_loss(task: Task) -> RowLoss:
    """Return the loss function of a task."""
    return TORCH_KINDS[task.kind].losses[task.loss]


__all__ = ["TORCH_KINDS", "RowLoss", "TorchKind", "linked", "row_loss"]
