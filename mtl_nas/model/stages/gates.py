"""Stages of gates, (N, B, H) for a stage of N members, each a mixture of the experts that it reads."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import Gate
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.layers import add_linear, first_linear, linear, spread
from mtl_nas.model.stages.stage_module import MixingWeights, StageModule

SUMMED_NUMBERS = 8192  # numbers per row (N U H) up to which an elementwise sum is faster than matrix products


class GateStage(StageModule[Gate]):
    """(B, D), E x (B, H) -> (N, B, H)."""

    shares: Tensor

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        first = 1 if self.block.has_query else 0
        self.mixed = tuple(inputs[first:] for inputs in stage.inputs)
        mixed = {name for names in self.mixed for name in names}
        self.experts = tuple(name for name in stage.sources if name in mixed)
        expert_indices = torch.tensor([[self.experts.index(name) for name in names] for names in self.mixed])  # (N, E)
        self.mixes_all = all(names == self.experts for names in self.mixed)
        self.register_buffer("expert_indices", expert_indices, persistent=False)
        if self.block.has_query:
            fan_in = stage.widths[0]
            for index, units in enumerate((*self.block.hidden, len(self.mixed[0]))):
                bias = self.block.bias or index < len(self.block.hidden)
                add_linear(self, index, len(stage.sets), fan_in, units, bias=bias)
                fan_in = units
        elif self.block.kind != "mean":
            self.shares = nn.Parameter(torch.empty(len(stage.sets), len(self.mixed[0])))

    def forward(self, activations: Activations) -> Tensor:
        """Stack every expert once, and weigh it for every member that reads it."""
        experts = activations.stack(self.experts)  # (U, B, H)
        if self.block.mixes != "state":
            return self._predictions(activations, experts)
        weights = self._weights(activations)  # (N, E, B), or (N, E, 1) without a query
        if not self.mixes_all:
            index = cast(Tensor, self.expert_indices).unsqueeze(2).expand(weights.shape)
            shape = (len(weights), len(self.experts), weights.shape[2])
            weights = weights.new_zeros(shape).scatter_add(1, index, weights)
        if self.block.has_query:
            return weighted_sum(weights, experts)
        return torch.einsum("nu,ubh->nbh", weights[..., 0], experts)

    def mixing_weights(self, activations: Activations) -> MixingWeights:
        return MixingWeights(self.block.kind, self.mixed, self._weights(activations).transpose(1, 2))

    def _weights(self, activations: Activations) -> Tensor:
        """The weight that each member gives each of its experts, (N, E, B), or (N, E, 1) without a query."""
        expert_indices = cast(Tensor, self.expert_indices)
        if self.block.kind == "mean":
            like = activations.node(self.experts[0])
            return like.new_full((*expert_indices.shape, 1), 1.0 / expert_indices.shape[1])
        if self.block.kind == "linear":
            return spread(self.shares, self.stage).unsqueeze(2)
        scores = self._scores(activations)
        return torch.sigmoid(scores) if self.block.kind == "sigmoid" else torch.softmax(scores, dim=1)

    def _scores(self, activations: Activations) -> Tensor:
        """The weights before softmax or sigmoid, in their shape; minus infinity for experts below the top ones."""
        if not self.block.has_query:
            return spread(self.shares, self.stage).unsqueeze(2)
        state = first_linear(activations, self.stage, 0, *self._linear(0))
        for index in range(1, len(self.block.hidden) + 1):
            state = linear(F.relu(state), *self._linear(index))
        scores = state.transpose(1, 2).contiguous()  # rows innermost, as the softmax over experts is then vectorised
        if self.block.temperature != 1.0:
            scores = scores / self.block.temperature
        if self.block.kind == "top_k":
            last = scores.topk(self.block.top, dim=1).values[:, -1:]
            scores = scores.masked_fill(scores < last, -math.inf)  # ties with the last top score stay
        return scores

    def _linear(self, index: int) -> tuple[Tensor, Tensor | None]:
        weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
        return spread(weight, self.stage), None if bias is None else spread(bias, self.stage)

    def _predictions(self, activations: Activations, experts: Tensor) -> Tensor:
        """Mix the experts' probabilities or rates, in logarithms for precision, and return natural parameters."""
        mean = self.block.kind in ("mean", "linear")
        scores = (self._weights(activations) if mean else self._scores(activations)).to(experts.dtype)
        log_weights = torch.log(scores) if mean else F.logsigmoid(scores)
        if self.block.kind not in ("mean", "linear", "sigmoid"):
            log_weights = torch.log_softmax(scores, dim=1)
        log_weights = log_weights.unsqueeze(-1)  # (N, E, B, 1)
        logits = experts[cast(Tensor, self.expert_indices)]  # (N, E, B, K)
        if self.block.mixes == "classes":
            return torch.logsumexp(log_weights + torch.log_softmax(logits, dim=-1), dim=1)
        if self.block.mixes == "rate":
            return torch.logsumexp(log_weights + logits, dim=1)
        event, no_event = F.logsigmoid(logits), F.logsigmoid(-logits)
        return torch.logsumexp(log_weights + event, dim=1) - torch.logsumexp(log_weights + no_event, dim=1)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws; a static gate starts at equal shares."""
        super().reset(generator)
        with torch.no_grad():
            if self.block.kind == "static":
                self.shares.zero_()
            elif self.block.kind == "linear":
                bound = 1.0 / math.sqrt(self.shares.shape[1])
                self.shares.uniform_(-bound, bound, generator=generator)


def weighted_sum(weights: Tensor, experts: Tensor) -> Tensor:
    """(N, U, B), (U, B, H) -> (N, B, H): the sums of U experts, each row with its own weights."""
    if weights.shape[0] * experts.shape[0] * experts.shape[2] > SUMMED_NUMBERS:
        return torch.einsum("nub,ubh->nbh", weights, experts)
    return (weights.unsqueeze(-1) * experts).sum(dim=1)
