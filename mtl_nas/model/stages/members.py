"""Stages of k networks in one, (N, k * B, H) for a stage of N nodes: shared matrices, and factors per network.

Factors and biases of a node are stored as one vector, those of one network after another's, so that parameters with
more axes are matrices here as everywhere.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mtl_nas.blocks import MemberExpert, MemberInput, MemberTower
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.experts import ExpertStage, TowerStage
from mtl_nas.model.stages.layers import HiddenLayers, first_linear, linear, spread
from mtl_nas.model.stages.stage_module import StageModule


class MemberInputStage(StageModule[MemberInput]):
    """(B, D) -> (N, k * B, D)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.factors = nn.Parameter(torch.empty(len(stage.sets), self.block.members * stage.units))

    def forward(self, activations: Activations) -> Tensor:
        factors = by_member(spread(self.factors, self.stage), self.block.members)
        return (self.inputs(activations).unsqueeze(1) * factors).flatten(1, 2)

    def reset(self, generator: torch.Generator) -> None:
        """One draw per column and member: normal for embeddings, random signs for numbers that enter as they are."""
        with torch.no_grad():
            shape = (len(self.factors), self.block.members)
            parts = []
            for width, number in self.block.columns:
                draws = torch.randn(*shape, number, generator=generator)
                parts.append((draws if width > 1 else draws.sign()).repeat_interleave(width, dim=2))
            self.factors.copy_(torch.cat(parts, dim=2).flatten(1))


class MemberHiddenLayers(HiddenLayers[Any]):
    """``s * (W (r * x)) + b`` in hidden layers, with r, s and b per network; r and s start at one."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        if self.block.adapters == "none":
            return
        fan_in = stage.widths[0]
        for index, units in enumerate(self.block.hidden):
            if self.block.scales_input(index):
                self._add_vector(f"in_factors{index}", fan_in)
            for name in (f"out_factors{index}", f"bias{index}"):
                self._add_vector(name, units)
            fan_in = units

    def _add_vector(self, name: str, units: int) -> None:
        vector = torch.ones(len(self.stage.sets), self.block.members * units)
        self.register_parameter(name, nn.Parameter(vector))

    def _mapped(self, activations: Activations, state: Tensor | None, index: int) -> Tensor:
        if self.block.adapters == "none":
            return super()._mapped(activations, state, index)
        weight, members = spread(getattr(self, f"weight{index}"), self.stage), self.block.members
        if self.block.scales_input(index):
            state = self.inputs(activations) if state is None else state
            state = (split(state, members) * self._vector(f"in_factors{index}")).flatten(1, 2)
        if state is None:
            mapped = first_linear(activations, self.stage, 0, weight, None)
        else:
            mapped = linear(state, weight, None)
        factors, bias = self._vector(f"out_factors{index}"), self._vector(f"bias{index}")
        return torch.addcmul(bias, split(mapped, members), factors).flatten(1, 2)

    def _vector(self, name: str) -> Tensor:
        """(sets, k * H) -> (N, k, 1, H)."""
        return by_member(spread(getattr(self, name), self.stage), self.block.members)


class MemberExpertStage(MemberHiddenLayers, ExpertStage, StageModule[MemberExpert]):
    """(k * B, D) -> (N, k * B, H)."""


class MemberTowerStage(MemberHiddenLayers, TowerStage, StageModule[MemberTower]):
    """(k * B, D) -> (N, k * B, outputs)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        sets, members = len(stage.sets), self.block.members
        fan_in = (stage.widths[0], *self.block.hidden)[-1]
        weight, bias = (f"{part}{self.last}" for part in ("weight", "bias"))
        self.register_parameter(weight, nn.Parameter(torch.empty(sets, members, self.block.outputs, fan_in)))
        self.register_parameter(bias, nn.Parameter(torch.empty(sets, members * self.block.outputs)))

    def forward(self, activations: Activations) -> Tensor:
        weight = spread(getattr(self, f"weight{self.last}"), self.stage)  # (N, k, outputs, H)
        state = split(self.hidden(activations), self.block.members)
        return (state @ weight.transpose(2, 3) + self._vector(f"bias{self.last}")).flatten(1, 2)


def split(state: Tensor, members: int) -> Tensor:
    """(N, k * B, D) -> (N, k, B, D)."""
    return state.reshape(state.shape[0], members, -1, state.shape[2])


def by_member(vectors: Tensor, members: int) -> Tensor:
    """(N, k * D) -> (N, k, 1, D)."""
    return vectors.reshape(vectors.shape[0], members, 1, -1)
