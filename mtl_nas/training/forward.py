"""Logits of every task from a network in training, at its own weights or at others."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.func import functional_call

from mtl_nas.model import Network

Features = Mapping[str, Tensor]
Weights = Mapping[str, Tensor]  # by the names of ``named_parameters``


class Forward:
    """features -> (B, outputs) at each of the nodes, in full precision also where the network computes in bfloat16."""

    def __init__(self, network: Network, nodes: Sequence[str], *, halved: bool) -> None:
        self.network, self.nodes, self.halved = network, tuple(nodes), halved

    def __call__(self, features: Features) -> list[Tensor]:
        """At the network's weights; running moments move on."""
        with self._precision(features):
            return self._logits(self.network(features))

    def at(self, weights: Weights, features: Features) -> list[Tensor]:
        """At those weights, and its own for the others; running moments stay what they are."""
        kept = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
        with self._precision(features):
            return self._logits(functional_call(self.network, {**weights, **kept}, (features,)))

    def _precision(self, features: Features) -> torch.autocast:
        device = next(iter(features.values())).device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.halved)

    def _logits(self, outputs: Mapping[str, Tensor]) -> list[Tensor]:
        return [outputs[node].float() if self.halved else outputs[node] for node in self.nodes]
