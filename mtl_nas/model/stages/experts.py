"""Stages of experts and towers, (N, B, H) for a stage of N members."""

import torch
from torch import Tensor, nn

from mtl_nas.blocks import Expert, Tower
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.layers import HiddenLayers, add_linear, first_linear, linear, spread


class ExpertStage(HiddenLayers[Expert]):
    """(B, D) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        sets, width, rank = len(stage.sets), stage.widths[0], self.block.feature_gate
        if rank:
            self.down = nn.Parameter(torch.empty(sets, rank, width))
            self.up = nn.Parameter(torch.empty(sets, width, rank))
        for index in range(self.block.cross):
            self.register_parameter(f"cross_weight{index}", nn.Parameter(torch.empty(sets, width, width)))
            self.register_parameter(f"cross_bias{index}", nn.Parameter(torch.empty(sets, width)))

    def forward(self, activations: Activations) -> Tensor:
        if not (self.block.feature_gate or self.block.cross):
            return self.hidden(activations)
        state = self.inputs(activations)  # (N, B, D)
        if self.block.feature_gate:
            down, up = spread(self.down, self.stage), spread(self.up, self.stage)
            state = state * (2 * torch.sigmoid(linear(linear(state, down, None), up, None)))
        crossed = state
        for index in range(self.block.cross):
            weight, bias = getattr(self, f"cross_weight{index}"), getattr(self, f"cross_bias{index}")
            crossed = state * linear(crossed, spread(weight, self.stage), spread(bias, self.stage)) + crossed
        return self.hidden(activations, crossed)

    def reset(self, generator: torch.Generator) -> None:
        """Independent draws per member, so that experts differ from the start; feature gates start at one."""
        super().reset(generator)
        if self.block.feature_gate:
            bound = self.stage.widths[0] ** -0.5
            with torch.no_grad():
                self.down.uniform_(-bound, bound, generator=generator)
                self.up.zero_()


class TowerStage(HiddenLayers[Tower]):
    """(B, D) -> (N, B, outputs)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.last = len(self.block.hidden)
        fan_in = (stage.widths[0], *self.block.hidden)[-1]
        add_linear(self, self.last, len(stage.sets), fan_in, self.block.outputs)

    def forward(self, activations: Activations) -> Tensor:
        weight, bias = self._linear(self.last)
        if not self.last:
            return first_linear(activations, self.stage, 0, weight, bias)
        return linear(self.hidden(activations), weight, bias)
