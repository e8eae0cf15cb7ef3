"""Stages that turn columns into states, (N, B, D) for a stage of N members."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import Embedding, FieldMean, TaskEmbedding
from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.stage_module import StageModule, TableStage

TABLE_DEVIATION = 0.01  # standard deviation of fresh embedding tables; small, as rarely trained rows keep this noise


def looked_up(tables: Tensor, ids: Tensor) -> Tensor:
    """Tables (N, R, d), ids of any shape (...) -> (N, ..., d).

    In training this is one ``gather`` over all tables. Its backward pass takes a third of the time of ``embedding``'s,
    and no table's gradient is copied.
    """
    if not (torch.is_grad_enabled() and tables.requires_grad):
        rows_by_table = [F.embedding(ids, table) for table in tables]
        return rows_by_table[0].unsqueeze(0) if len(rows_by_table) == 1 else torch.stack(rows_by_table)
    members, size, width = tables.shape
    if members > 1:
        starts = size * torch.arange(members, device=ids.device)
        ids = ids + starts.view(-1, *[1] * ids.dim())
    else:
        ids = ids.unsqueeze(0)
    rows = ids.reshape(-1, 1).long().expand(-1, width)
    return torch.gather(tables.flatten(0, 1), 0, rows).view(*ids.shape, width)


class EmbeddingStage(TableStage[Embedding]):
    """ids (B, F), fractions (B, P), waves (B, K), scalars (B, S) -> (N, B, (F + K) * d + S)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        block, nodes = self.block, len(stage.nodes)
        self.table = nn.Parameter(torch.empty(nodes, block.table_rows, block.width))
        self.interpolated, self.waves = len(block.interpolated), len(block.waves)
        if self.waves:
            self.frequency = nn.Parameter(torch.empty(nodes, self.waves, block.frequencies))
            self.wave_weight = nn.Parameter(torch.empty(nodes, self.waves, block.width, 2 * block.frequencies))
            self.wave_bias = nn.Parameter(torch.empty(nodes, self.waves, block.width))

    def forward(self, activations: Activations) -> Tensor:
        """Table rows, interpolated for piecewise-linear numbers, then vectors of waves, then scalars."""
        inputs, parts = activations.inputs, []
        if self.block.table_rows:
            parts.append(self._rows(inputs))
        if self.waves:
            parts.append(self._waves(inputs["waves"].to(self.table.dtype)))
        if self.block.scalars:
            parts.append(inputs["scalars"].to(self.table.dtype).expand(len(self.table), -1, -1))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=2)

    def _rows(self, inputs: InputTensors) -> Tensor:
        rows = looked_up(self.table, inputs["ids"])  # (N, B, F, d)
        if self.interpolated:
            first = rows.shape[2] - self.interpolated
            upper = looked_up(self.table, inputs["ids"][:, first:] + 1)
            share = inputs["fractions"].to(rows.dtype).unsqueeze(-1)
            rows = torch.cat([rows[:, :, :first], torch.lerp(rows[:, :, first:], upper, share)], dim=2)
        return rows.flatten(2)

    def _waves(self, values: Tensor) -> Tensor:
        """(B, K) -> (N, B, K * d)."""
        angles = 2 * math.pi * values.unsqueeze(-1) * self.frequency.unsqueeze(1)  # (N, B, K, frequencies)
        waves = torch.cat([angles.sin(), angles.cos()], dim=-1)
        linear = torch.einsum("nbkf,nkdf->nbkd", waves, self.wave_weight) + self.wave_bias.unsqueeze(1)
        return linear.relu().flatten(2)

    def rows_read(self, inputs: InputTensors) -> tuple[Tensor, Mapping[str, Tensor], Mapping[str, Tensor]]:
        ids = inputs["ids"]
        upper = ids[:, ids.shape[1] - self.interpolated :] + 1
        rows, indices = torch.unique(torch.cat([ids, upper], dim=1), return_inverse=True)
        return rows, {"ids": indices[:, : ids.shape[1]]}, {}

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws; every field's row for unseen or missing values starts at zero, the mean of the draws."""
        block = self.block
        with torch.no_grad():
            self.table.normal_(0.0, TABLE_DEVIATION, generator=generator)
            start = 0
            for size in (*(field.size for field in block.categories), *map(block.number_rows, block.tabled)):
                self.table[:, start] = 0.0
                start += size
            if self.waves:
                bound = (2 * block.frequencies) ** -0.5
                self.frequency.normal_(0.0, block.frequency, generator=generator)
                self.wave_weight.uniform_(-bound, bound, generator=generator)
                self.wave_bias.uniform_(-bound, bound, generator=generator)


class FieldMeanStage(StageModule[FieldMean]):
    """(B, F * d + S) -> (N, B, d + S)."""

    def forward(self, activations: Activations) -> Tensor:
        state, end = self.inputs(activations), self.block.fields * self.block.width
        fields = state[..., :end].view(*state.shape[:-1], self.block.fields, self.block.width)
        return torch.cat([fields.mean(dim=-2), state[..., end:]], dim=-1)


class TaskEmbeddingStage(StageModule[TaskEmbedding]):
    """-> (N, B, width)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.vector = nn.Parameter(torch.empty(len(stage.sets), stage.units))

    def forward(self, activations: Activations) -> Tensor:
        rows = next(iter(activations.inputs.values())).shape[0]
        return self.vector.unsqueeze(1).expand(-1, rows, -1)

    def needs_full_precision(self, name: str) -> bool:
        return True

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws, as in embedding tables."""
        with torch.no_grad():
            self.vector.normal_(0.0, TABLE_DEVIATION, generator=generator)
