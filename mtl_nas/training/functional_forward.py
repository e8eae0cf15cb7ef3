"""The forward pass of a network in training, with its own weights or with others."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor
from torch.func import functional_call

from mtl_nas.model import InputTensors, Network

Weights = Mapping[str, Tensor]  # by the names of ``named_parameters``
NONE: Weights = MappingProxyType({})


class Forward:
    """Input tensors -> the outputs (B, outputs) of each of the nodes, in full precision.

    With ``half_precision``, hidden states below them are computed in bfloat16.
    """

    def __init__(self, network: Network, nodes: Sequence[str], *, half_precision: bool) -> None:
        self.network, self.nodes = network, tuple(nodes)
        self.dtype = torch.bfloat16 if half_precision else None

    def __call__(self, inputs: InputTensors, weights: Weights = NONE) -> list[Tensor]:
        """Use the network's weights, some of them replaced by ``weights``; its running statistics are updated."""
        return self.stateless(weights, NONE, inputs)

    def at(self, weights: Weights, inputs: InputTensors) -> list[Tensor]:
        """Use the network's weights, some of them replaced; its running statistics stay as they are."""
        buffers = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        return self.stateless(weights, buffers, inputs)

    def stateless(self, weights: Weights, buffers: Weights, inputs: InputTensors) -> list[Tensor]:
        """Use the given weights and buffers, and the network's own for the others."""
        if self.dtype is not None:  # rounded once per step, not at every use
            rounded = {name: weights.get(name, own) for name, own in self.network.matrices}
            weights = {**weights, **{name: weight.to(self.dtype) for name, weight in rounded.items()}}
        if not weights and not buffers:
            outputs = self.network(inputs, self.dtype)
        else:
            outputs = functional_call(self.network, {**weights, **buffers}, (inputs, self.dtype))
        return [outputs[node] for node in self.nodes]
