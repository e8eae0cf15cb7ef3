"""Columns become states: N members, (N, B, D) out."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas import blocks
from mtl_nas.model.activations import States
from mtl_nas.model.plan import Stage

TABLE_DEVIATION = 0.01  # of the normal draws that fill embedding tables: noise in rows that are rarely trained


def looked_up(tables: Tensor, ids: Tensor) -> Tensor:
    """(N, R, d), ids of any shape (...) -> (N, ..., d).

    In training by ``gather``: its gradient adds rows up in order of their ids, in a third of the time that
    ``embedding`` takes to add them one by one. All tables at once: taken apart, their gradients would be copied.
    """
    if not (torch.is_grad_enabled() and tables.requires_grad):
        found = [F.embedding(ids, table) for table in tables]
        return found[0].unsqueeze(0) if len(found) == 1 else torch.stack(found)
    members, size, width = tables.shape
    if members > 1:
        starts = size * torch.arange(members, device=ids.device)
        ids = ids + starts.view(-1, *[1] * ids.dim())
    else:
        ids = ids.unsqueeze(0)
    rows = ids.reshape(-1, 1).long().expand(-1, width)
    return torch.gather(tables.flatten(0, 1), 0, rows).view(*ids.shape, width)


class EmbeddingStage(nn.Module):
    """ids (B, F), fractions (B, M), scalars (B, S) -> (N, B, F * d + S)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.block = cast(blocks.Embedding, stage.block)
        self.table = nn.Parameter(torch.empty(len(stage.nodes), self.block.table_rows, self.block.width))
        self.first_number = len(self.block.categories)  # column of the ids
        self.interpolates = self.block.encoding == "piecewise" and bool(self.block.numbers)

    def forward(self, states: States) -> Tensor:
        """Rows of the tables; interpolated knots where numbers are piecewise linear."""
        rows = self._rows(states) if self.block.table_rows else None
        if not self.block.scalars and rows is not None:
            return rows
        scalars = states.features["scalars"].to(self.table.dtype).expand(len(self.table), -1, -1)
        return scalars if rows is None else torch.cat([rows, scalars], dim=2)

    def _rows(self, states: States) -> Tensor:
        """(N, B, F * d)."""
        ids = states.features["ids"]
        rows = looked_up(self.table, ids)  # (N, B, F, d)
        if self.interpolates:
            plain = self.first_number
            upper = looked_up(self.table, ids[:, plain:] + 1)
            share = states.features["fractions"].to(rows.dtype).unsqueeze(-1)
            rows = torch.cat([rows[:, :, :plain], torch.lerp(rows[:, :, plain:], upper, share)], dim=2)
        return rows.flatten(2)

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
