"""Columns become states: N members, (N, B, D) out."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.plan import Stage
from mtl_nas.model.states import States

TABLE_DEVIATION = 0.01  # of the normal draws that fill embedding tables: noise in rows that are rarely trained


def looked_up(table: Tensor, ids: Tensor) -> Tensor:
    """(R, d), ids of any shape (...) -> (..., d).

    In training by ``gather``: its gradient adds rows up in order of their ids, in a third of the time that
    ``embedding`` takes to add them one by one.
    """
    if not (torch.is_grad_enabled() and table.requires_grad):
        return F.embedding(ids, table)
    width = table.shape[1]
    rows = ids.reshape(-1, 1).long().expand(-1, width)
    return torch.gather(table, 0, rows).view(*ids.shape, width)


class EmbeddingStage(nn.Module):
    """ids (B, F), fractions (B, M), scalars (B, S) -> (N, B, F * d + S)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.block = cast(blocks.Embedding, stage.block)
        self.table = nn.Parameter(torch.empty(len(stage.nodes), self.block.rows, self.block.width))
        self.first_number = len(self.block.categories)  # column of the ids
        self.interpolates = self.block.encoding == "piecewise" and bool(self.block.numbers)

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
        rows = looked_up(table, ids)  # (B, F, d)
        if self.interpolates:
            plain = self.first_number
            upper = looked_up(table, ids[:, plain:] + 1)
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


class FieldMeanStage(nn.Module):
    """(B, F * d + S) -> (N, B, d + S)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage, self.block = stage, cast(blocks.FieldMean, stage.block)

    def forward(self, states: States) -> Tensor:
        """The mean over fields; what is no field stays."""
        state, end = states.stack(self.stage.column(0)), self.block.fields * self.block.width
        fields = state[..., :end].view(*state.shape[:-1], self.block.fields, self.block.width)
        return torch.cat([fields.mean(dim=-2), state[..., end:]], dim=-1)

    def reset(self, generator: torch.Generator) -> None:
        """Nothing to draw."""


class TaskEmbeddingStage(nn.Module):
    """-> (N, B, width)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.vector = nn.Parameter(torch.empty(len(stage.sets), stage.units))

    def forward(self, states: States) -> Tensor:
        """The same vector for every row."""
        rows = next(iter(states.features.values())).shape[0]
        return self.vector.unsqueeze(1).expand(-1, rows, -1)

    def reset(self, generator: torch.Generator) -> None:
        """Normal draws, as in embedding tables."""
        with torch.no_grad():
            self.vector.normal_(0.0, TABLE_DEVIATION, generator=generator)
