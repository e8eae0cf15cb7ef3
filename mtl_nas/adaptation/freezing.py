"""Weights that a training leaves as they are, though others beside them in one stack move."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from mtl_nas.model import Network


def freeze(network: Network, nodes: frozenset[str], optimizer: Optimizer) -> None:
    """What those nodes use does not move: not by gradients, momentum or weight decay.

    A stack of frozen members alone needs no gradient; frozen members of other stacks are put back after every step.
    """
    held: list[tuple[nn.Parameter, Tensor, Tensor]] = []
    for parameter, members in frozen_members(network, nodes):
        if members.all():
            parameter.requires_grad_(False)
        elif members.any():
            held.append((parameter, members, parameter.detach()[members]))

    @torch.no_grad()
    def put_back(*_: object) -> None:
        for parameter, members, values in held:
            parameter[members] = values

    optimizer.register_step_post_hook(put_back)


def frozen_members(network: Network, nodes: frozenset[str]) -> Iterator[tuple[nn.Parameter, Tensor]]:
    """Every parameter, and which of its members (N,) those nodes use."""
    found: dict[int, tuple[nn.Parameter, Tensor]] = {}
    for node, tensor, member in network.uses():
        if isinstance(tensor, nn.Parameter):
            _, members = found.setdefault(id(tensor), (tensor, torch.zeros(tensor.shape[0], dtype=torch.bool)))
            members[member] |= node in nodes
    yield from found.values()
