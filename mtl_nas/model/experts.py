"""Experts and towers: N members, (N, B, H) out."""

from typing import cast

import torch
from torch import Tensor

from mtl_nas import blocks
from mtl_nas.model.layers import HiddenLayers, add_linear, fill, first_linear, linear
from mtl_nas.model.plan import Stage
from mtl_nas.model.states import States


class ExpertStage(HiddenLayers):
    """(B, D) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, cast(blocks.Expert, stage.block))

    def forward(self, states: States) -> Tensor:
        """Hidden layers, the last one activated."""
        return self.hidden(states)

    def reset(self, generator: torch.Generator) -> None:
        """Independent draws a member, so that experts start different."""
        fill(self, generator)


class TowerStage(HiddenLayers):
    """(B, D) -> (N, B, outputs)."""

    def __init__(self, stage: Stage) -> None:
        block = cast(blocks.Tower, stage.block)
        super().__init__(stage, block)
        self.last = str(len(block.hidden))
        add_linear(self, self.last, len(stage.nodes), (stage.widths[0], *block.hidden)[-1], block.outputs)

    def forward(self, states: States) -> Tensor:
        """Hidden layers and the linear map to natural parameters."""
        weight, bias = getattr(self, f"weight{self.last}"), getattr(self, f"bias{self.last}")
        if self.last == "0":
            return first_linear(states, self.stage, 0, weight, bias)
        return linear(self.hidden(states), weight, bias)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        fill(self, generator)
