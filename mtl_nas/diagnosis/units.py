"""Hidden units that never answer, and how many activations are zero."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mtl_nas.blocks import Layers
from mtl_nas.model import Stage
from mtl_nas.record.diagnosis import Activity


class ReluZeros(TorchFunctionMode):
    """Within it, what every relu gives: ``zeros``, (N, B, H) a hidden layer, True where it is zero.

    Hidden layers are computed inside one module, where no hook reaches; after norm, before dropout and residual.
    """

    def __init__(self) -> None:
        super().__init__()
        self.zeros: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """The function as it is."""
        found = func(*args, **(kwargs or {}))
        if func is F.relu:
            self.zeros.append(found == 0)
        return found


def activity(stage: Stage, zeros: Sequence[Tensor]) -> Iterator[Activity]:
    """One for each expert or tower of the stage that has hidden layers with relu."""
    if not isinstance(stage.block, Layers) or stage.block.activation != "relu" or not stage.block.hidden:
        return
    zero = torch.cat(list(zeros), dim=2).double()  # (N, B, units)
    for node, each in zip(stage.nodes, zero, strict=True):
        by_unit = each.mean(dim=0)
        yield Activity(
            node=node, units=len(by_unit), dead=float((by_unit == 1).double().mean()), zero=float(by_unit.mean())
        )
