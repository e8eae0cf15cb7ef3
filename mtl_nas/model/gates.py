"""Gates: N members, each a mixture of the experts that it sees, (N, B, H) out."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.layers import add_linear, fill, first_linear, linear
from mtl_nas.model.plan import Stage
from mtl_nas.model.states import States


class GateStage(nn.Module):
    """(B, D), E x (B, H) -> (N, B, H)."""

    weight0: Tensor
    bias0: Tensor | None

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Gate, stage.block)
        first = 1 if self.block.asks else 0
        lists = [inputs[first:] for inputs in stage.inputs]
        mixed = {name for names in lists for name in names}
        self.experts = tuple(name for name in stage.pool if name in mixed)
        places = torch.tensor([[self.experts.index(name) for name in names] for names in lists])  # (N, E)
        self.whole = all(names == self.experts for names in lists)
        self.register_buffer("places", places, persistent=False)
        if self.block.asks:
            fan_in = stage.widths[0]
            for index, units in enumerate((*self.block.hidden, len(lists[0]))):
                bias = self.block.bias or index < len(self.block.hidden)
                add_linear(self, str(index), len(stage.nodes), fan_in, units, bias=bias)
                fan_in = units

    def forward(self, states: States) -> Tensor:
        """Every expert once, weighed for every member that sees it."""
        experts = states.stack(self.experts)  # (U, B, H)
        if not self.block.asks:
            return torch.einsum("nu,ubh->nbh", self._averages(experts), experts)
        weights = self.weights_of(states)  # (N, B, E)
        if not self.whole:
            index = cast(Tensor, self.places).unsqueeze(1).expand(weights.shape)
            weights = weights.new_zeros(*weights.shape[:2], len(self.experts)).scatter(2, index, weights)
        return torch.einsum("nbu,ubh->nbh", weights, experts)

    def weights_of(self, states: States) -> Tensor:
        """What each member gives each of its experts, (N, B, E); sums to one."""
        state = first_linear(states, self.stage, 0, self.weight0, self.bias0)
        for index in range(1, len(self.block.hidden) + 1):
            state = linear(F.relu(state), getattr(self, f"weight{index}"), getattr(self, f"bias{index}"))
        return torch.softmax(state / self.block.temperature, dim=-1)

    def _averages(self, like: Tensor) -> Tensor:
        places = cast(Tensor, self.places)
        share = like.new_full(places.shape, 1.0 / places.shape[1])
        return like.new_zeros(places.shape[0], len(self.experts)).scatter(1, places, share)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        fill(self, generator)
