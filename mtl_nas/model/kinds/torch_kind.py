"""The torch half of a task kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from mtl_nas.data import Task

Link = Callable[[Tensor, Task], Tensor]
RowLoss = Callable[[Tensor, Tensor, Task], Tensor]


@dataclass(frozen=True)
class TorchKind:
    """The link from outputs of a head to predictions, and the losses.

    Attributes:
        link: Outputs (B, K) -> predictions: probabilities (B,), probabilities of classes (B, C), or numbers (B,) in the
            unit of the label.
        losses: By name of the loss: outputs (B, K) and labels (B,), standardised by the task -> losses (B,).
    """

    link: Link
    losses: Mapping[str, RowLoss]
