"""Logits of every task from a network in training, at its own weights or at others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor
from torch.func import functional_call

from mtl_nas.model import Network

Features = Mapping[str, Tensor]
Weights = Mapping[str, Tensor]  # by the names of ``named_parameters``
NONE: Weights = MappingProxyType({})


class Forward:
    """features -> (B, outputs) at each of the nodes, in full precision also where states are computed in bfloat16."""

    def __init__(self, network: Network, nodes: Sequence[str], *, halved: bool) -> None:
        self.network, self.nodes = network, tuple(nodes)
        self.dtype = torch.bfloat16 if halved else None

    def __call__(self, features: Features, weights: Weights = NONE) -> list[Tensor]:
        """At the network's weights, or those that stand in for some of them; running moments move on."""
        return self.stateless(weights, NONE, features)

    def at(self, weights: Weights, features: Features) -> list[Tensor]:
        """At those weights, and its own for the others; running moments stay what they are."""
        kept = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        return self.stateless(weights, kept, features)

    def stateless(self, weights: Weights, buffers: Weights, features: Features) -> list[Tensor]:
        """At those weights and running moments, and its own for the others."""
        if self.dtype is not None:  # once a step, and not at every use
            rounded = {name: weights.get(name, own) for name, own in self.network.matrices}
            weights = {**weights, **{name: weight.to(self.dtype) for name, weight in rounded.items()}}
        if not weights and not buffers:
            outputs = self.network(features, self.dtype)
        else:
            outputs = functional_call(self.network, {**weights, **buffers}, (features, self.dtype))
        return [outputs[node] for node in self.nodes]
