"""A running mean of weights, which scores more and varies less than the weights of any one step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from mtl_nas.model import Network

RECENT = 4  # times that the first means count the newest weights as one of their number


class WeightAverage:
    """The mean of a network's weights at the ends of epochs, in which older ones fade (Polyak and Juditsky, 1992).

    ``memory`` is the share of the mean that stays at the end of an epoch. The newest weights count more in the first
    means, as in polynomial-decay averaging (Shamir and Zhang, 2013): those of the first epochs are far from the end.
    """

    def __init__(self, network: Network, memory: float) -> None:
        self.memory, self.count = memory, 0
        first = next(network.parameters())
        self.network = Network(network.architecture).to(first.device, first.dtype)

    @torch.no_grad()
    def add(self, weights: Mapping[str, Tensor]) -> None:
        """Move the mean towards the weights of a state dict of the network."""
        self.count += 1
        if self.count == 1:
            self.network.load_state_dict(weights)
        share = max(1.0 - self.memory, RECENT / (self.count + RECENT - 1))
        for name, mean in self.network.state_dict().items():
            mean.lerp_(weights[name], share)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the mean and the number of weights in it."""
        return {**self.network.state_dict(), "count": torch.tensor(self.count)}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Load a result of ``state_dict``."""
        tensors = dict(state)
        self.count = int(tensors.pop("count"))
        self.network.load_state_dict(tensors)
