"""Freezes some members of stacked weights while others are trained."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from mtl_nas.model import Network
from mtl_nas.training.adamw import AdamW


def freeze(network: Network, nodes: frozenset[str], optimizer: AdamW) -> None:
    """Freeze the weights of nodes, also against momentum and weight decay.

    A stack whose members are all frozen gets no gradient. Frozen members of other stacks are restored after every step
    of the optimizer.
    """
    restored: list[tuple[nn.Parameter, Tensor, Tensor]] = []  # parameter, mask of its frozen members, their values
    for parameter, frozen in frozen_members(network, nodes):
        if frozen.all():
            parameter.requires_grad_(False)
        elif frozen.any():
            restored.append((parameter, frozen, parameter.detach()[frozen]))

    @torch.no_grad()
    def restore() -> None:
        for parameter, frozen, values in restored:
            parameter[frozen] = values

    optimizer.after_step = restore


def frozen_members(network: Network, nodes: frozenset[str]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Yield every parameter with a mask (N,) of those of its N members that the nodes use."""
    masks: dict[int, tuple[nn.Parameter, Tensor]] = {}
    for node, tensor, member in network.uses():
        if isinstance(tensor, nn.Parameter):
            _, mask = masks.setdefault(id(tensor), (tensor, torch.zeros(tensor.shape[0], dtype=torch.bool)))
            mask[member] |= node in nodes
    yield from masks.values()
