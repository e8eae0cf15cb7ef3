"""Links between tasks, on states (AITM) and on probabilities (ESMM): N members."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.activations import States
from mtl_nas.model.layers import activated, fill
from mtl_nas.model.plan import Stage


class TransferMaps(nn.Module):
    """Value, query and key maps of N transfers, or of all transfers of one width (N = 1)."""

    def __init__(self, block: blocks.Transfer, members: int, width: int) -> None:
        super().__init__()
        for name in ("value", "query", "key"):
            self.register_parameter(name, nn.Parameter(torch.empty(members, width, width)))
            self.register_parameter(f"{name}_bias", nn.Parameter(torch.empty(members, width)) if block.bias else None)

    def forward(self, slots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(U, N, B, H) -> value, query, key of the same shape."""
        value, query, key = (
            self._mapped(slots, getattr(self, name), getattr(self, f"{name}_bias"))
            for name in ("value", "query", "key")
        )
        return value, query, key

    def _mapped(self, slots: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if weight.shape[0] == 1:
            return F.linear(slots, weight[0], None if bias is None else bias[0])
        mapped = torch.einsum("unbh,nkh->unbk", slots, weight)
        return mapped if bias is None else mapped + bias[:, None]

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        with torch.no_grad():
            for parameter in self.parameters():
                bound = 1.0 / math.sqrt(parameter.shape[-1])
                parameter.uniform_(-bound, bound, generator=generator)


class TransferStage(nn.Module):
    """(B, H), S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage, shared: TransferMaps | None) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Transfer, stage.block)
        members, width, sources = len(stage.nodes), stage.units, len(stage.widths) - 1
        self.information_weight = nn.Parameter(torch.empty(members, sources, width, width))
        self.information_bias = nn.Parameter(torch.empty(members, sources, width))
        self.own_maps = None if shared is not None else TransferMaps(self.block, members, width)
        self._shared = [shared]  # in a list, as the model registers it once for all stages

    def forward(self, states: States) -> Tensor:
        """The softmax over a task's own slot and its sources', of query times key, weighs the values."""
        own = states.stack(self.stage.column(0))  # (N, B, H)
        sources = torch.stack([states.stack(self.stage.column(place)) for place in range(1, len(self.stage.widths))])
        if self.block.stop_gradient:
            sources = sources.detach()
        passed = torch.einsum("snbh,nskh->snbk", sources, self.information_weight)
        passed = passed + self.information_bias.transpose(0, 1).unsqueeze(2)
        if self.block.information == "relu":
            passed = activated(passed, "relu")
        if self.block.dropout and self.training:
            passed = F.dropout(passed, self.block.dropout)
        slots = torch.cat([own.unsqueeze(0), passed])  # (U, N, B, H)
        value, query, key = self.maps().forward(slots)
        if self.block.score == "cross":
            query = query[:1]
        scores = (query * key).sum(dim=-1, keepdim=True) / math.sqrt(own.shape[-1])  # (U, N, B, 1)
        weights = torch.softmax(scores, dim=0)
        return torch.sum(weights * value, dim=0)

    def maps(self) -> TransferMaps:
        """Value, query and key maps, its own or those of all transfers."""
        return cast(TransferMaps, self.own_maps or self._shared[0])

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        fill(self, generator)
        if self.own_maps is not None:
            self.own_maps.reset(generator)


class ProductStage(nn.Module):
    """K x (B, 1) logits -> (B, 1): rare events and saturated factors keep their digits and their gradients."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, states: States) -> Tensor:
        """With n = -logit, 1 / p = 1 + e^n; a product of two such has e^n = e^a + e^b + e^(a + b)."""
        first, *others = (states.stack(self.stage.column(place)) for place in range(len(self.stage.widths)))
        against = -first
        for factor in others:
            against = torch.logsumexp(torch.stack([against, -factor, against - factor]), dim=0)
        return -against

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


class ThresholdsStage(nn.Module):
    """(B, 1) -> (N, B, K - 1): logits that fall with k."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.first = nn.Parameter(torch.empty(len(stage.nodes), 1))
        self.rises = nn.Parameter(torch.empty(len(stage.nodes), stage.units - 1))

    def forward(self, states: States) -> Tensor:
        """The score less each threshold; every rise is positive."""
        thresholds = torch.cat([self.first, F.softplus(self.rises)], dim=1).cumsum(dim=1)
        return states.stack(self.stage.column(0)) - thresholds.unsqueeze(1)

    def reset(self, generator: torch.Generator) -> None:
        """Thresholds that split the score around zero, one apart."""
        with torch.no_grad():
            self.first.fill_(-self.rises.shape[1] / 2)
            self.rises.fill_(math.log(math.e - 1))  # softplus gives one
