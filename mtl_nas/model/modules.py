"""One batched implementation for each kind of block: N members, (N, B, H) out."""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.layers import HiddenLayers, activated, add_linear, fill, first_linear, linear
from mtl_nas.model.plan import Stage
from mtl_nas.model.states import States

TABLE_DEVIATION = 0.2  # of the normal draws that fill embedding tables


class EmbeddingStage(nn.Module):
    """ids (B, F), fractions (B, M), scalars (B, S) -> (N, B, F * d + S)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.block = cast(blocks.Embedding, stage.block)
        self.table = nn.Parameter(torch.empty(len(stage.nodes), self.block.rows, self.block.width))

    def forward(self, states: States) -> Tensor:
        """One lookup a member; interpolated knots where numbers are piecewise linear."""
        outputs = [self._rows(table, states) for table in self.table.unbind(0)]
        if self.block.scalars:
            outputs = [torch.cat([rows, states.features["scalars"].to(rows.dtype)], dim=1) for rows in outputs]
        return torch.stack(outputs) if len(outputs) > 1 else outputs[0].unsqueeze(0)

    def _rows(self, table: Tensor, states: States) -> Tensor:
        if not self.block.rows:
            scalars = states.features["scalars"]
            return table.new_empty(len(scalars), 0)
        ids = states.features["ids"]
        rows = F.embedding(ids, table)  # (B, F, d)
        if self.block.encoding == "piecewise" and self.block.numbers:
            plain = len(self.block.categories)
            upper = F.embedding(ids[:, plain:] + 1, table)
            share = states.features["fractions"].to(rows.dtype).unsqueeze(-1)
            rows = torch.cat([rows[:, :plain], torch.lerp(rows[:, plain:], upper, share)], dim=1)
        return rows.flatten(1)

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws; the reserved row of every field starts at zero, the mean of what an unseen level could be."""
        with torch.no_grad():
            self.table.normal_(0.0, TABLE_DEVIATION, generator=generator)
            start = 0
            for field in self.block.categories:
                self.table[:, start] = 0.0
                start += field.size
            self.table[:, start :: self.block.number_rows] = 0.0  # "missing", of every number


class SequenceStage(nn.Module):
    """ids (B, columns, length), 0 = padding -> (N, B, columns * d): the mean of what is there."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.block = cast(blocks.Sequence, stage.block)
        self.table = nn.Parameter(torch.empty(len(stage.nodes), sum(self.block.sizes), self.block.width))
        starts = torch.tensor([sum(self.block.sizes[:place]) for place in range(len(self.block.sizes))])
        self.register_buffer("starts", starts, persistent=False)

    def forward(self, states: States) -> Tensor:
        """Padded positions weigh nothing; an empty sequence gives zeros."""
        ids = states.features[f"sequence/{self.block.name}"]  # (B, columns, length)
        filled = (ids > 0).to(self.table.dtype)
        share = filled / filled.sum(dim=2, keepdim=True).clamp(min=1.0)
        rows = ids + cast(Tensor, self.starts).to(ids.dtype).unsqueeze(-1)
        pooled = [
            F.embedding_bag(rows.flatten(0, 1), table, mode="sum", per_sample_weights=share.flatten(0, 1))
            for table in self.table.unbind(0)
        ]  # N x (B * columns, d)
        # not len(ids): an exported graph must not know the batch size
        return torch.stack(pooled).view(len(pooled), ids.shape[0], ids.shape[1] * self.block.width)

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws; padding and unseen rows start at zero."""
        with torch.no_grad():
            self.table.normal_(0.0, TABLE_DEVIATION, generator=generator)
            for start in cast(Tensor, self.starts).tolist():
                self.table[:, start : start + 2] = 0.0


class ConcatStage(nn.Module):
    """P x (B, D) -> (N, B, sum of D)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    def forward(self, states: States) -> Tensor:
        """Parts side by side, in the order of the inputs."""
        parts = [states.stack(self.stage.column(place)) for place in range(len(self.stage.widths))]
        return torch.cat(parts, dim=-1)

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


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


class GateStage(nn.Module):
    """(B, D), E x (B, H) -> (N, B, H)."""

    weight0: Tensor
    bias0: Tensor | None

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.Gate, stage.block)
        first = 1 if self.block.asks else 0
        lists = [inputs[first:] for inputs in stage.inputs]
        mixed = {name for names in lists for name in names}
        self.experts = tuple(name for name in stage.pool if name in mixed)
        places = torch.tensor([[self.experts.index(name) for name in names] for names in lists])  # (N, E)
        self.whole = all(names == self.experts for names in lists)
        self.register_buffer("places", places, persistent=False)
        if self.block.asks:
            fan_in = stage.widths[0]
            for index, units in enumerate((*self.block.hidden, len(lists[0]))):
                bias = self.block.bias or index < len(self.block.hidden)
                add_linear(self, str(index), len(stage.nodes), fan_in, units, bias=bias)
                fan_in = units

    def forward(self, states: States) -> Tensor:
        """Every expert once, weighed for every member that sees it."""
        experts = states.stack(self.experts)  # (U, B, H)
        if not self.block.asks:
            return torch.einsum("nu,ubh->nbh", self._averages(experts), experts)
        weights = self.weights_of(states)  # (N, B, E)
        if not self.whole:
            index = cast(Tensor, self.places).unsqueeze(1).expand(weights.shape)
            weights = weights.new_zeros(*weights.shape[:2], len(self.experts)).scatter(2, index, weights)
        return torch.einsum("nbu,ubh->nbh", weights, experts)

    def weights_of(self, states: States) -> Tensor:
        """What each member gives each of its experts, (N, B, E); sums to one."""
        state = first_linear(states, self.stage, 0, self.weight0, self.bias0)
        for index in range(1, len(self.block.hidden) + 1):
            state = linear(F.relu(state), getattr(self, f"weight{index}"), getattr(self, f"bias{index}"))
        return torch.softmax(state / self.block.temperature, dim=-1)

    def _averages(self, like: Tensor) -> Tensor:
        places = cast(Tensor, self.places)
        share = like.new_full(places.shape, 1.0 / places.shape[1])
        return like.new_zeros(places.shape[0], len(self.experts)).scatter(1, places, share)

    def reset(self, generator: torch.Generator) -> None:
        """Uniform draws."""
        fill(self, generator)


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
        slots = torch.cat([own.unsqueeze(0), passed])  # (U, N, B, H)
        maps = cast(TransferMaps, self.own_maps or self._shared[0])
        value, query, key = maps.forward(slots)
        if self.block.score == "cross":
            query = query[:1]
        scores = (query * key).sum(dim=-1, keepdim=True) / math.sqrt(own.shape[-1])  # (U, N, B, 1)
        weights = torch.softmax(scores, dim=0)
        return torch.sum(weights * value, dim=0)

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


MODULES: dict[type, type[nn.Module]] = {
    blocks.Embedding: EmbeddingStage,
    blocks.Sequence: SequenceStage,
    blocks.Concat: ConcatStage,
    blocks.Expert: ExpertStage,
    blocks.Gate: GateStage,
    blocks.Transfer: TransferStage,
    blocks.Tower: TowerStage,
    blocks.Product: ProductStage,
}
