"""Hidden relu units that are always zero, and the fraction of activations that are zero."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from mtl_nas.blocks import Layers
from mtl_nas.model import Stage
from mtl_nas.record import Activity


class ReluZeros(TorchFunctionMode):
    """A context that collects ``zeros`` of every relu computed within it: (N, B, H) per hidden layer, True for zero.

    It replaces hooks, as hidden layers are no modules. Activations are those after norm, before dropout and residual.
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
        output = func(*args, **(kwargs or {}))
        if func is F.relu:
            self.zeros.append(output == 0)
        return output


def activity(stage: Stage, zeros: Sequence[Tensor]) -> Iterator[Activity]:
    """The Activity of each expert or tower of the stage, if it has hidden layers with relu."""
    if not isinstance(stage.block, Layers) or stage.block.activation != "relu" or not stage.block.hidden:
        return
    fractions = torch.cat(list(zeros), dim=2).double().mean(dim=1)  # (N, units), of rows on which a unit is zero
    for node, by_unit in zip(stage.nodes, fractions, strict=True):
        dead = float((by_unit == 1).double().mean())
        yield Activity(node=node, units=len(by_unit), dead=dead, zero=float(by_unit.mean()))
