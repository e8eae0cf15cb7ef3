"""Experts and towers: N members, (N, B, H) out."""

from typing import cast

import torch
from torch import Tensor, nn

from mtl_nas import blocks
from mtl_nas.model.activations import States
from mtl_nas.model.layers import HiddenLayers, add_linear, fill, first_linear, linear, spread
from mtl_nas.model.plan import Stage


class ExpertStage(HiddenLayers):
    """(B, D) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        block = cast(blocks.Expert, stage.block)
        super().__init__(stage, block)
        self.expert = block
        sets, width, rank = len(stage.sets), stage.widths[0], block.feature_gate
        if rank:
            self.down = nn.Parameter(torch.empty(sets, rank, width))
            self.up = nn.Parameter(torch.empty(sets, width, rank))
        for index in range(block.cross):
            self.register_parameter(f"cross_weight{index}", nn.Parameter(torch.empty(sets, width, width)))
            self.register_parameter(f"cross_bias{index}", nn.Parameter(torch.empty(sets, width)))

    def forward(self, states: States) -> Tensor:
        """The gate on the features, cross layers, hidden layers, the last one activated."""
        if not (self.expert.feature_gate or self.expert.cross):
            return self.hidden(states)
        state = states.stack(self.stage.column(0))  # (N, B, D)
        if self.expert.feature_gate:
            down, up = spread(self.down, self.stage), spread(self.up, self.stage)
            state = state * (2 * torch.sigmoid(linear(linear(state, down, None), up, None)))
        crossed = state
        for index in range(self.expert.cross):
            weight, bias = getattr(self, f"cross_weight{index}"), getattr(self, f"cross_bias{index}")
            crossed = state * linear(crossed, spread(weight, self.stage), spread(bias, self.stage)) + crossed
        return self.hidden(states, crossed)

    def reset(self, generator: torch.Generator) -> None:
        """Independent draws a member, so that experts start different; feature gates start at one."""
        fill(self, generator)
        if self.expert.feature_gate:
            bound = self.stage.widths[0] ** -0.5
            with torch.no_grad():
                self.down.uniform_(-bound, bound, generator=generator)
                self.up.zero_()


class TowerStage(HiddenLayers):
    """(B, D) -> (N, B, outputs)."""

    def __init__(self, stage: Stage) -> None:
        block = cast(blocks.Tower, stage.block)
        super().__init__(stage, block)
        self.last = len(block.hidden)
        add_linear(self, self.last, len(stage.sets), (stage.widths[0], *block.hidden)[-1], block.outputs)

    def forward(self, states: States) -> Tensor:
        """Hidden layers and the linear map to natural parameters."""
        weight, bias = self._linear(self.last)
        if not self.last:
            return first_linear(states, self.stage, 0, weight, bias)
        return linear(self.hidden(states), weight, bias)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        fill(self, generator)
