"""Embedding tables of which a step touches the rows of its batch alone.

A dense gradient of a table of ten million rows takes longer than the rest of a step. Here the batch's rows are copied
out, the network reads the copy, and AdamW moves these rows. What decays between two steps that see a row, its moments
and its weight decay, is made up for when it is seen again, so that both are those of the dense step; what is left out
is that Adam moves a row by its momentum in steps that do not see it.
"""

import math
from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from mtl_nas.design import Losses, Training
from mtl_nas.model import Network
from mtl_nas.model.histories import SequenceStage
from mtl_nas.model.inputs import EmbeddingStage
from mtl_nas.training.sharing import last_shared

LARGE = 500_000  # rows, from which a dense step takes longer
MOST_DECAY = 1 - 1e-6  # of a step: its logarithm must be finite
BETAS, EPSILON = (0.9, 0.999), 1e-8  # of Adam (Kingma and Ba, 2015)
Features = Mapping[str, Tensor]


class LargeTable(nn.Module):
    """A table (N, R, d) with the state of its rows; ``name`` is that of the parameter."""

    moments: Tensor
    seen: Tensor

    def __init__(self, name: str, stage: EmbeddingStage | SequenceStage) -> None:
        super().__init__()
        self.name, self._stage = name, (stage,)  # in a tuple, as the network owns it
        members, rows, width = self.table.shape
        self.register_buffer("moments", self.table.new_zeros(members, rows, 2 * width))  # first and second
        self.register_buffer("seen", torch.zeros(rows, dtype=torch.int32, device=self.table.device))  # last step
        self._part: tuple[Tensor, Tensor] | None = None  # rows of the batch (U,), and the copy of them (N, U, d)

    @property
    def table(self) -> nn.Parameter:
        """The table itself."""
        return self._stage[0].table

    def read(self, features: Features) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Features whose ids are places in a copy of the batch's rows, and what stands in for the network's own."""
        stage = self._stage[0]
        if isinstance(stage, EmbeddingStage):
            ids = features["ids"]
            above = ids[:, stage.first_number :] + 1 if stage.interpolates else ids[:, :0]
            rows, places = torch.unique(torch.cat([ids, above], dim=1), return_inverse=True)
            changed, replaced = {"ids": places[:, : ids.shape[1]]}, {}
        else:  # places count from each column's own padding, as ids do
            key, starts = f"sequence/{stage.block.name}", cast(Tensor, stage.starts)
            ids = features[key] + starts.unsqueeze(-1)
            rows, places = torch.unique(torch.cat([starts, ids.flatten()]), return_inverse=True)
            begin = places[: len(starts)]
            changed = {key: places[len(starts) :].view_as(ids) - begin.unsqueeze(-1)}
            replaced = {self.name.removesuffix("table") + "starts": begin}
        part = self.table.detach().index_select(1, rows.long()).requires_grad_()
        self._part = (rows.long(), part)
        return changed, {**replaced, self.name: part}

    @torch.no_grad()
    def step(self, number: int, rate: float, decays: Tensor) -> None:
        """Move the rows that were read; ``decays``: the logarithm of what weight decay has left after each step."""
        if self._part is None or self._part[1].grad is None:
            return
        rows, part = self._part
        slope = part.grad
        assert slope is not None
        last = self.seen.index_select(0, rows).long()
        elapsed = (number - last).to(slope.dtype).unsqueeze(1)  # (U, 1)
        first, second = self.moments.index_select(1, rows).chunk(2, dim=-1)
        first = torch.lerp(slope, first * BETAS[0] ** (elapsed - 1), BETAS[0])
        second = torch.lerp(slope.square(), second * BETAS[1] ** (elapsed - 1), BETAS[1])
        spread = (second / (1 - BETAS[1] ** number)).sqrt_().add_(EPSILON)
        kept = torch.exp(decays[number] - decays[last]).to(slope.dtype).unsqueeze(1)
        moved = part * kept - rate / (1 - BETAS[0] ** number) * first / spread
        self.table.index_copy_(1, rows, moved)
        self.moments.index_copy_(1, rows, torch.cat([first, second], dim=-1))
        self.seen.index_fill_(0, rows, number)
        self._part = None


class LargeTables(nn.Module):
    """All of a network's; ``state_dict`` is what going on needs beside the tables."""

    decays: Tensor

    def __init__(self, network: Network, training: Training, steps: int, *, rows: float = LARGE) -> None:
        super().__init__()
        self.weight_decay = training.weight_decay
        self.found = nn.ModuleList(
            LargeTable(f"stages.{place}.table", stage)
            for place, stage in enumerate(network.stages)
            if isinstance(stage, EmbeddingStage | SequenceStage) and stage.table.shape[1] >= rows
        )
        device = next(network.parameters()).device
        self.register_buffer("decays", torch.zeros(steps + 1, dtype=torch.float64, device=device))

    @property
    def tables(self) -> list[LargeTable]:
        """Those that are large."""
        return [cast(LargeTable, table) for table in self.found]

    def owns(self, parameter: nn.Parameter) -> bool:
        """It is moved here, not by the optimizer."""
        return any(parameter is table.table for table in self.tables)

    def read(self, features: Features) -> tuple[Features, dict[str, Tensor]]:
        """For one batch: features, and weights that stand in for the network's own."""
        weights: dict[str, Tensor] = {}
        for table in self.tables:
            changed, replaced = table.read(features)
            features, weights = {**features, **changed}, {**weights, **replaced}
        return features, weights

    def step(self, number: int, rate: float) -> None:
        """The step of that number, from 1, at a learning rate."""
        if self.weight_decay:
            self.decays[number] = self.decays[number - 1] + math.log1p(-min(rate * self.weight_decay, MOST_DECAY))
        for table in self.tables:
            table.step(number, rate, self.decays)

    @torch.no_grad()
    def settle(self, number: int) -> None:
        """Weight decay of rows that were not seen up to that step, before somebody reads the whole table."""
        for table in self.tables if self.weight_decay else ():
            kept = torch.exp(self.decays[number] - self.decays[table.seen.long()]).to(table.table.dtype)
            table.table.mul_(kept.unsqueeze(-1))
            elapsed = (number - table.seen).to(kept.dtype).unsqueeze(-1)
            width = table.table.shape[-1]
            table.moments[..., :width].mul_(BETAS[0] ** elapsed)
            table.moments[..., width:].mul_(BETAS[1] ** elapsed)
            table.seen.fill_(number)


def large_tables(network: Network, losses: Losses, training: Training, steps: int) -> LargeTables | None:
    """Those of a network; None without any, and where something else has to see the gradient of a whole table."""
    if training.meta is not None or (losses.aggregation != "none" and losses.aggregate_embeddings):
        return None
    found = LargeTables(network, training, steps, rows=LARGE)
    last = last_shared(network.reaching(), network.architecture.tasks) if losses.weighting == "gradnorm" else None
    return None if not found.tables or (last and found.owns(last.parameter)) else found
