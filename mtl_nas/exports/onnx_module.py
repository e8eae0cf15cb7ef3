"""The torch module that an ONNX file holds: encoded categories and raw numbers in, predictions out."""

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl_nas.blocks import Embedding
from mtl_nas.data import Number, Schema
from mtl_nas.model import Network
from mtl_nas.model.features import NORMAL_GRID, NORMAL_SCORES, boundaries, knots
from mtl_nas.model.prediction import predictions


class RawModel(nn.Module):
    """A network behind the encoding of its numbers.

    Inputs: categories (B, C) int64, numbers (B, M) float32 with NaN for missing values, sequences (B, columns, length)
    int64. Outputs: predictions per head.
    """

    def __init__(self, network: Network, schema: Schema) -> None:
        super().__init__()
        self.network, self.schema = network, schema
        blocks = [node.block for node in network.architecture.nodes if isinstance(node.block, Embedding)]
        self.block = blocks[0] if blocks else None
        if self.block is None:
            return
        sizes = [field.size for field in self.block.categories]
        self.register_buffer("starts", torch.tensor([sum(sizes[:index]) for index in range(len(sizes))]).long())
        first = sum(sizes) + self.block.number_rows * torch.arange(len(self.block.numbers))
        self.register_buffer("number_starts", first.long())
        numbers = schema.numbers
        for index, number in enumerate(numbers):
            edges = _edges(number, self.block)
            self.register_buffer(f"edges{index}", torch.tensor(edges, dtype=torch.float64))
        self.register_buffer("means", torch.tensor([number.mean for number in numbers], dtype=torch.float64))
        deviations = [number.deviation or 1.0 for number in numbers]
        self.register_buffer("deviations", torch.tensor(deviations, dtype=torch.float64))
        self.register_buffer("normal_scores", torch.tensor(NORMAL_SCORES))
        self.flags = [index for index, number in enumerate(numbers) if number.name in self.block.missing]

    def forward(self, categories: Tensor, numbers: Tensor, *sequences: Tensor) -> tuple[Tensor, ...]:
        """Predictions in the order of the heads."""
        inputs = {
            f"sequence/{sequence.name}": ids for sequence, ids in zip(self.schema.sequences, sequences, strict=True)
        }
        if self.block is not None:
            inputs.update(self._embedded(categories, numbers, self.block))
        outputs = self.network(inputs)
        heads = self.network.architecture.heads
        return tuple(predictions(outputs, heads, self.schema).values())

    def _embedded(self, categories: Tensor, numbers: Tensor, block: Embedding) -> dict[str, Tensor]:
        ids = [categories + cast(Tensor, self.starts)] if block.categories else []
        inputs: dict[str, Tensor] = {}
        if block.numbers:
            columns = [numbers[:, index].double() for index in range(len(block.numbers))]
            missing = [torch.isnan(column) for column in columns]
            filled = [torch.where(lost, 0.0, column) for column, lost in zip(columns, missing, strict=True)]
            if block.tabled:
                located = [self._located(column, index, block) for index, column in enumerate(filled)]
                rows = [torch.where(lost, 0, row) for (row, _), lost in zip(located, missing, strict=True)]
                ids.append(torch.stack(rows, dim=1) + cast(Tensor, self.number_starts))
                shares = [torch.where(lost, 0.0, share) for (_, share), lost in zip(located, missing, strict=True)]
                inputs["fractions"] = torch.stack(shares, dim=1).float()
            else:
                scalars = [self._scalar(column, index, block) for index, column in enumerate(filled)]
                scalars = [torch.where(lost, 0.0, column) for column, lost in zip(scalars, missing, strict=True)]
                flags = [missing[index].double() for index in self.flags]
                inputs["scalars"] = torch.stack([*scalars, *flags], dim=1).float()
        if ids:
            inputs["ids"] = torch.cat(ids, dim=1)
        return inputs

    def _located(self, column: Tensor, index: int, block: Embedding) -> tuple[Tensor, Tensor]:
        edges = cast(Tensor, getattr(self, f"edges{index}"))
        if block.encoding == "bucket":
            return 1 + _at_least(column, edges), torch.zeros_like(column)
        lower = (_at_least(column, edges) - 1).clamp(0, max(len(edges) - 2, 0))
        upper = (lower + 1).clamp(max=len(edges) - 1)
        width = edges[upper] - edges[lower]
        share = (column - edges[lower]) / torch.where(width > 0, width, 1.0)
        return 1 + lower, share.clamp(0.0, 1.0)

    def _scalar(self, column: Tensor, index: int, block: Embedding) -> Tensor:
        if block.encoding == "standard":
            return (column - cast(Tensor, self.means)[index]) / cast(Tensor, self.deviations)[index]
        edges = cast(Tensor, getattr(self, f"edges{index}"))
        above = _rank(column, edges, _at_least(column, edges))
        below = _rank(column, edges, (column[:, None] > edges).sum(dim=1))
        grid = (len(NORMAL_GRID) - 1) * ((above + below) / 2 - NORMAL_GRID[0]) / (NORMAL_GRID[-1] - NORMAL_GRID[0])
        grid = grid.clamp(0, len(NORMAL_GRID) - 1)
        lower = grid.floor().long().clamp(max=len(NORMAL_GRID) - 2)
        scores = cast(Tensor, self.normal_scores)
        return torch.lerp(scores[lower], scores[lower + 1], grid - lower)


def _edges(number: Number, block: Embedding) -> NDArray[np.float64]:
    """What the encoding compares values with."""
    if block.tabled:
        return (boundaries if block.encoding == "bucket" else knots)(number, block.buckets)
    return np.asarray(number.quantiles)


def _at_least(column: Tensor, edges: Tensor) -> Tensor:
    return (column[:, None] >= edges).sum(dim=1)


def _rank(column: Tensor, edges: Tensor, count: Tensor) -> Tensor:
    lower = (count - 1).clamp(0, len(edges) - 2)
    width = edges[lower + 1] - edges[lower]
    share = ((column - edges[lower]) / torch.where(width > 0, width, 1.0)).clamp(0.0, 1.0)
    rank = (lower + share) / (len(edges) - 1)
    return torch.where(count == len(edges), 1.0, rank)  # ties at the top have no next edge to lie towards
