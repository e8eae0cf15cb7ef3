"""Stitches, routes, sums, and what stops gradients: N members, (N, B, H) out."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.activations import States
from mtl_nas.model.plan import Stage

OWN = 0.9  # of a stitch at the start


class ConcatStage(nn.Module):
    """P x (B, D) -> (N, B, sum of D)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, states: States) -> Tensor:
        """Parts side by side, in the order of the inputs."""
        return torch.cat(_columns(states, self.stage), dim=-1)

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


class SumStage(nn.Module):
    """K x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, states: States) -> Tensor:
        """Terms added."""
        first, *others = _columns(states, self.stage)
        return sum(others, first)

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


class StopStage(nn.Module):
    """(B, H) -> (N, B, H), the same numbers."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, states: States) -> Tensor:
        """Without a gradient."""
        return states.stack(self.stage.column(0)).detach()

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


class StitchStage(nn.Module):
    """(B, H), S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Stitch, stage.block)
        shape = (len(stage.nodes), len(stage.widths), *((stage.units,) if self.block.channelwise else ()))
        self.shares = nn.Parameter(torch.empty(shape))

    def forward(self, states: States) -> Tensor:
        """Own and other states, each times its share."""
        slots = torch.stack(_columns(states, self.stage))  # (U, N, B, H)
        units = "h" if self.block.channelwise else ""
        return torch.einsum(f"unbh,nu{units}->nbh", slots, self.shares)

    def reset(self, generator: torch.Generator) -> None:
        """.9 for the own state, .1 for the others together."""
        with torch.no_grad():
            self.shares.fill_((1 - OWN) / (self.shares.shape[1] - 1))
            self.shares[:, 0] = OWN


class RouteStage(nn.Module):
    """S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Route, stage.block)
        members, sources, width = len(stage.nodes), len(stage.widths), stage.units
        self.log_alpha = nn.Parameter(torch.empty(members, sources))
        if self.block.transform:
            self.transform = nn.Parameter(torch.empty(members, sources, width, width))

    def forward(self, states: States) -> Tensor:
        """Sources that come through, transformed, added; one matrix product where all members read the same ones."""
        opened = self.opened().to(states.node(self.stage.inputs[0][0]).dtype)
        alike = all(len(self.stage.runs(place)) == 1 for place in range(len(self.stage.widths)))
        if not self.block.transform:
            return torch.einsum("snbh,ns->nbh", torch.stack(_columns(states, self.stage)), opened)
        weight = opened[:, :, None, None] * self.transform  # (N, S, out, in)
        if not alike:
            return torch.einsum("snbh,nskh->nbk", torch.stack(_columns(states, self.stage)), weight)
        sources = torch.cat([states.node(name) for name in self.stage.inputs[0]], dim=-1)  # (B, S * in)
        flat = weight.transpose(1, 2).flatten(2)  # (N, out, S * in)
        joined = F.linear(sources, flat.flatten(0, 1))
        return joined.view(-1, *flat.shape[:2]).transpose(0, 1)

    def opened(self) -> Tensor:
        """How far each connection is open, (N, S) between 0 and 1; drawn anew at every training step."""
        logits: Tensor = self.log_alpha
        if self.training:
            chance = torch.rand_like(logits).clamp(1e-6, 1 - 1e-6)
            logits = (torch.logit(chance) + logits) / self.block.beta
        stretched = torch.sigmoid(logits) * (self.block.zeta - self.block.gamma) + self.block.gamma
        return stretched.clamp(0.0, 1.0)

    def penalty(self) -> Tensor:
        """The expected number of open connections, times the block's penalty."""
        bar = self.block.beta * math.log(-self.block.gamma / self.block.zeta)
        return self.block.penalty * torch.sigmoid(self.log_alpha - bar).sum()

    def reset(self, generator: torch.Generator) -> None:
        """Half open; uniform draws."""
        with torch.no_grad():
            self.log_alpha.zero_()
            if self.block.transform:
                bound = math.sqrt(3.0 / (self.transform.shape[1] * self.transform.shape[-1]))
                self.transform.uniform_(-bound, bound, generator=generator)


def _columns(states: States, stage: Stage) -> list[Tensor]:
    """What the members read at each place, (N, B, D) each."""
    return [states.stack(stage.column(place)) for place in range(len(stage.widths))]
