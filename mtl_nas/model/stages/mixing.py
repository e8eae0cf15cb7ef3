"""Stages of stitches, routes, sums and stopped gradients, (N, B, H) for a stage of N members."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import Concat, Route, Stitch, Stop, Sum
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.stage_module import MixingWeights, StageModule

OWN_WEIGHT = 0.9  # initial weight of a stitch's own state


class ConcatStage(StageModule[Concat]):
    """P x (B, D) -> (N, B, sum of D)."""

    def forward(self, activations: Activations) -> Tensor:
        return torch.cat(self.all_inputs(activations), dim=-1)


class SumStage(StageModule[Sum]):
    """K x (B, H) -> (N, B, H)."""

    def forward(self, activations: Activations) -> Tensor:
        first, *others = self.all_inputs(activations)
        return sum(others, first)


class StopStage(StageModule[Stop]):
    """(B, H) -> (N, B, H), the same numbers."""

    def forward(self, activations: Activations) -> Tensor:
        return self.inputs(activations).detach()


class StitchStage(StageModule[Stitch]):
    """(B, H), S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        shape = (len(stage.nodes), len(stage.widths), *((stage.units,) if self.block.channelwise else ()))
        self.shares = nn.Parameter(torch.empty(shape))

    def forward(self, activations: Activations) -> Tensor:
        slots = torch.stack(self.all_inputs(activations))  # (U, N, B, H)
        units = "h" if self.block.channelwise else ""
        return torch.einsum(f"unbh,nu{units}->nbh", slots, self.shares)

    def mixing_weights(self, activations: Activations) -> MixingWeights:
        shares = self.shares.mean(dim=2) if self.block.channelwise else self.shares
        return MixingWeights("stitch", self.stage.inputs, shares.unsqueeze(1), own_first=True)

    def reset(self, generator: torch.Generator) -> None:
        """0.9 for the own state, 0.1 for the others together."""
        with torch.no_grad():
            self.shares.fill_((1 - OWN_WEIGHT) / (self.shares.shape[1] - 1))
            self.shares[:, 0] = OWN_WEIGHT


class RouteStage(StageModule[Route]):
    """S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        members, sources, width = len(stage.nodes), len(stage.widths), stage.units
        self.log_alpha = nn.Parameter(torch.empty(members, sources))
        if self.block.transform:
            self.transform = nn.Parameter(torch.empty(members, sources, width, width))

    def forward(self, activations: Activations) -> Tensor:
        """Open, transform and sum the sources, in one matrix product if all members read the same ones."""
        opened = self._opened().to(activations.node(self.stage.inputs[0][0]).dtype)
        if not self.block.transform:
            return torch.einsum("snbh,ns->nbh", torch.stack(self.all_inputs(activations)), opened)
        weight = opened[:, :, None, None] * self.transform  # (N, S, out, in)
        if any(len(self.stage.runs(index)) > 1 for index in range(len(self.stage.widths))):
            return torch.einsum("snbh,nskh->nbk", torch.stack(self.all_inputs(activations)), weight)
        sources = torch.cat([activations.node(name) for name in self.stage.inputs[0]], dim=-1)  # (B, S * in)
        flat = weight.transpose(1, 2).flatten(2)  # (N, out, S * in)
        joined = F.linear(sources, flat.flatten(0, 1))
        return joined.view(-1, *flat.shape[:2]).transpose(0, 1)

    def _opened(self) -> Tensor:
        """The openness of each connection, (N, S) between 0 and 1; drawn anew at every training step."""
        logits: Tensor = self.log_alpha
        if self.training:
            uniform = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
            logits = (torch.logit(uniform) + logits) / self.block.beta
        stretched = torch.sigmoid(logits) * (self.block.zeta - self.block.gamma) + self.block.gamma
        return stretched.clamp(0.0, 1.0)

    def needs_full_precision(self, name: str) -> bool:
        return name == "log_alpha"

    def penalty(self) -> Tensor | None:
        """The expected number of open connections, times the block's penalty."""
        if not self.block.penalty:
            return None
        bar = self.block.beta * math.log(-self.block.gamma / self.block.zeta)
        return self.block.penalty * torch.sigmoid(self.log_alpha - bar).sum()

    def mixing_weights(self, activations: Activations) -> MixingWeights:
        return MixingWeights("route", self.stage.inputs, self._opened().unsqueeze(1), compete=False)

    def reset(self, generator: torch.Generator) -> None:
        """Connections half open; uniform draws of the transforms."""
        with torch.no_grad():
            self.log_alpha.zero_()
            if self.block.transform:
                bound = math.sqrt(3.0 / (self.transform.shape[1] * self.transform.shape[-1]))
                self.transform.uniform_(-bound, bound, generator=generator)
