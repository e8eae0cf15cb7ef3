"""Stages of links between tasks, on states (AITM) and on probabilities (ESMM), and of thresholds."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import Product, Thresholds, Transfer
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.stage_module import StageModule, WeightedModule


class TransferMaps(WeightedModule):
    """Value, query and key maps of N transfers, or of all transfers of one width (N = 1)."""

    def __init__(self, block: Transfer, members: int, width: int) -> None:
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
        with torch.no_grad():
            for parameter in self.parameters():
                bound = 1.0 / math.sqrt(parameter.shape[-1])
                parameter.uniform_(-bound, bound, generator=generator)


class TransferStage(StageModule[Transfer]):
    """(B, H), S x (B, H) -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        members, width, sources = len(stage.nodes), stage.units, len(stage.widths) - 1
        self.information_weight = nn.Parameter(torch.empty(members, sources, width, width))
        self.information_bias = nn.Parameter(torch.empty(members, sources, width))
        self.own_maps = None if self.block.share else TransferMaps(self.block, members, width)

    @classmethod
    def shared_module(cls, stage: Stage) -> TransferMaps:
        return TransferMaps(cast(Transfer, stage.block), 1, stage.units)

    def forward(self, activations: Activations) -> Tensor:
        """The values of a task's own slot and its sources', weighted by a softmax of query times key."""
        own, *others = self.all_inputs(activations)  # (N, B, H) each
        sources = torch.stack(others)
        if self.block.stop_gradient:
            sources = sources.detach()
        passed = torch.einsum("snbh,nskh->snbk", sources, self.information_weight)
        passed = passed + self.information_bias.transpose(0, 1).unsqueeze(2)
        if self.block.information == "relu":
            passed = F.relu(passed)
        if self.block.dropout and self.training:
            passed = F.dropout(passed, self.block.dropout)
        slots = torch.cat([own.unsqueeze(0), passed])  # (U, N, B, H)
        maps = cast(TransferMaps, self._shared[0] if self.own_maps is None else self.own_maps)
        value, query, key = maps.forward(slots)
        if self.block.score == "cross":
            query = query[:1]
        scores = (query * key).sum(dim=-1, keepdim=True) / math.sqrt(own.shape[-1])  # (U, N, B, 1)
        weights = torch.softmax(scores, dim=0)
        return torch.sum(weights * value, dim=0)

    def reset(self, generator: torch.Generator) -> None:
        super().reset(generator)
        if self.own_maps is not None:
            self.own_maps.reset(generator)


class ProductStage(StageModule[Product]):
    """K x (B, 1) logits -> (N, B, 1), without probabilities, whose rounding would lose rare events and gradients."""

    def forward(self, activations: Activations) -> Tensor:
        """With n = -logit, 1 / p = 1 + e^n; a product of factors with n = a and b has e^n = e^a + e^b + e^(a + b)."""
        first, *others = self.all_inputs(activations)
        against = -first
        for factor in others:
            against = torch.logsumexp(torch.stack([against, -factor, against - factor]), dim=0)
        return -against


class ThresholdsStage(StageModule[Thresholds]):
    """(B, 1) -> (N, B, K - 1): logits that fall with k."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.first = nn.Parameter(torch.empty(len(stage.nodes), 1))
        self.rises = nn.Parameter(torch.empty(len(stage.nodes), stage.units - 1))

    def forward(self, activations: Activations) -> Tensor:
        """The score less each threshold; every rise is positive."""
        thresholds = torch.cat([self.first, F.softplus(self.rises)], dim=1).cumsum(dim=1)
        return self.inputs(activations) - thresholds.unsqueeze(1)

    def needs_full_precision(self, name: str) -> bool:
        return True

    def reset(self, generator: torch.Generator) -> None:
        """Thresholds at distances of one, around zero."""
        with torch.no_grad():
            self.first.fill_(-self.rises.shape[1] / 2)
            self.rises.fill_(math.log(math.e - 1))  # softplus gives one
