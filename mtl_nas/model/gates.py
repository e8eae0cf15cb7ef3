"""Gates: N members, each a mixture of the experts that it sees, (N, B, H) out."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.activations import States
from mtl_nas.model.layers import add_linear, fill, first_linear, linear, spread
from mtl_nas.model.plan import Stage

SMALL = 8192  # numbers of a row that are added up: a product for each row takes longer below


class GateStage(nn.Module):
    """(B, D), E x (B, H) -> (N, B, H)."""

    shares: Tensor

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Gate, stage.block)
        first = 1 if self.block.has_query else 0
        lists = [inputs[first:] for inputs in stage.inputs]
        mixed = {name for names in lists for name in names}
        self.experts = tuple(name for name in stage.pool if name in mixed)
        places = torch.tensor([[self.experts.index(name) for name in names] for names in lists])  # (N, E)
        self.whole = all(names == self.experts for names in lists)
        self.register_buffer("places", places, persistent=False)
        if self.block.has_query:
            fan_in = stage.widths[0]
            for index, units in enumerate((*self.block.hidden, len(lists[0]))):
                bias = self.block.bias or index < len(self.block.hidden)
                add_linear(self, index, len(stage.sets), fan_in, units, bias=bias)
                fan_in = units
        elif self.block.kind != "mean":
            self.shares = nn.Parameter(torch.empty(len(stage.sets), len(lists[0])))

    def forward(self, states: States) -> Tensor:
        """Every expert once, weighed for every member that sees it."""
        experts = states.stack(self.experts)  # (U, B, H)
        if self.block.mixes != "state":
            return self._predictions(states, experts)
        weights = self.weights_of(states)  # (N, E, B), or (N, E, 1) where no row is asked
        if not self.whole:
            index = cast(Tensor, self.places).unsqueeze(2).expand(weights.shape)
            shape = (len(weights), len(self.experts), weights.shape[2])
            weights = weights.new_zeros(shape).scatter_add(1, index, weights)
        return (
            mixed(weights, experts) if self.block.has_query else torch.einsum("nu,ubh->nbh", weights[..., 0], experts)
        )

    def weights_of(self, states: States) -> Tensor:
        """What each member gives each of its experts, (N, E, B), or (N, E, 1) where no row is asked."""
        places = cast(Tensor, self.places)
        if self.block.kind == "mean":
            like = states.node(self.experts[0])
            return like.new_full((*places.shape, 1), 1.0 / places.shape[1])
        if self.block.kind == "linear":
            return spread(self.shares, self.stage).unsqueeze(2)
        scores = self._scores(states)
        return torch.sigmoid(scores) if self.block.kind == "sigmoid" else torch.softmax(scores, dim=1)

    def _scores(self, states: States) -> Tensor:
        """Before the softmax or the sigmoid; experts below the top ones stand at minus infinity."""
        if not self.block.has_query:
            return spread(self.shares, self.stage).unsqueeze(2)
        state = first_linear(states, self.stage, 0, *self._linear(0))
        for index in range(1, len(self.block.hidden) + 1):
            state = linear(F.relu(state), *self._linear(index))
        scores = state.transpose(1, 2).contiguous()  # rows innermost: all of them take a step of the softmax at once
        if self.block.temperature != 1.0:
            scores = scores / self.block.temperature
        if self.block.kind == "top_k":
            last = scores.topk(self.block.top, dim=1).values[:, -1:]
            scores = scores.masked_fill(scores < last, -math.inf)  # what ties with the last one stays
        return scores

    def _linear(self, index: int) -> tuple[Tensor, Tensor | None]:
        weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
        return spread(weight, self.stage), None if bias is None else spread(bias, self.stage)

    def _predictions(self, states: States, experts: Tensor) -> Tensor:
        """Mixed as probabilities, given back as natural parameters; in logarithms, so that small ones keep digits."""
        mean = self.block.kind in ("mean", "linear")
        scores = (self.weights_of(states) if mean else self._scores(states)).to(experts.dtype)
        log_weights = torch.log(scores) if mean else F.logsigmoid(scores)
        if self.block.kind not in ("mean", "linear", "sigmoid"):
            log_weights = torch.log_softmax(scores, dim=1)
        log_weights = log_weights.unsqueeze(-1)  # (N, E, B, 1)
        each = experts[cast(Tensor, self.places)]  # (N, E, B, K)
        if self.block.mixes == "classes":
            return torch.logsumexp(log_weights + torch.log_softmax(each, dim=-1), dim=1)
        if self.block.mixes == "rate":
            return torch.logsumexp(log_weights + each, dim=1)
        for_, against = F.logsigmoid(each), F.logsigmoid(-each)
        return torch.logsumexp(log_weights + for_, dim=1) - torch.logsumexp(log_weights + against, dim=1)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws; a static gate starts at equal shares."""
        fill(self, generator)
        with torch.no_grad():
            if self.block.kind == "static":
                self.shares.zero_()
            elif self.block.kind == "linear":
                bound = 1.0 / math.sqrt(self.shares.shape[1])
                self.shares.uniform_(-bound, bound, generator=generator)


def mixed(weights: Tensor, experts: Tensor) -> Tensor:
    """(N, U, B), (U, B, H) -> (N, B, H), every row by its own weights.

    As a matrix product for each row, where that has something to do; few small experts are faster added up.
    """
    if weights.shape[0] * experts.shape[0] * experts.shape[2] > SMALL:
        return torch.einsum("nub,ubh->nbh", weights, experts)
    return (weights.unsqueeze(-1) * experts).sum(dim=1)
