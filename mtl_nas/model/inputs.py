"""Columns and histories become states: N members, (N, B, D) out."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
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
            return table.new_empty(scalars.shape[0], 0)
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
        return torch.stack(pooled).view(len(pooled), -1, len(self.block.sizes) * self.block.width)

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
