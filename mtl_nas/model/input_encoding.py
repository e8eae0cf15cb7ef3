"""Encoded rows -> the input tensors of a network; what does not change between steps is computed here, once."""

import numpy as np
import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Embedding
from mtl_nas.blocks.columns import SCALARS
from mtl_nas.data import Rows, Schema
from mtl_nas.model.number_encodings import number_encoder


class InputEncoder(nn.Module):
    """Categories and numbers -> what an architecture reads.

    ids (B, F) of table rows: of categories, then of numbers with table rows. fractions (B, P) of the way to the next
    row, for the last P of these. waves (B, K): numbers whose sines and cosines the network takes. scalars (B, S):
    numbers that enter as they are, then flags of missing ones.
    """

    starts: Tensor
    number_starts: Tensor

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        super().__init__()
        embeddings = (node.block for node in architecture.nodes if isinstance(node.block, Embedding))
        self.block = next(embeddings, None)  # all embeddings of a graph read the same columns in one encoding
        if self.block is None:
            return
        block = self.block
        sizes = [*(field.size for field in block.categories), *map(block.number_rows, block.tabled)]
        starts = torch.tensor(np.cumsum([0, *sizes])[:-1], dtype=torch.int32)
        self.register_buffer("starts", starts[: len(block.categories)])
        self.register_buffer("number_starts", starts[len(block.categories) :])
        self.parts = (*block.tabled, *block.waves, *block.parts(*SCALARS))
        self.columns = nn.ModuleList(
            number_encoder(schema.numbers[part.column], part.encoding, block.buckets) for part in self.parts
        )

    def forward(self, categories: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """``categories``: integer ids (B, C); ``numbers``: floats (B, M), NaN where missing."""
        if self.block is None:
            return {}
        block, inputs = self.block, dict[str, Tensor]()
        tabled, waves = len(block.tabled), len(block.waves)
        ids = [categories + self.starts] if block.categories else []
        if tabled:
            located = [self._located(numbers[:, part.column], index) for index, part in enumerate(self.parts[:tabled])]
            rows = torch.stack([row for row, _ in located], dim=1) + self.number_starts
            ids.append(rows.to(categories.dtype))
            if block.interpolated:
                shares = [share for _, share in located[-len(block.interpolated) :]]
                inputs["fractions"] = torch.stack(shares, dim=1)
        scalars = [
            self._scalar(numbers[:, part.column], tabled + index) for index, part in enumerate(self.parts[tabled:])
        ]
        if waves:
            inputs["waves"] = torch.stack(scalars[:waves], dim=1)
        flags = [torch.isnan(numbers[:, index]).float() for index in block.flagged]
        if block.scalars:
            inputs["scalars"] = torch.stack([*scalars[waves:], *flags], dim=1)
        inputs["ids"] = torch.cat(ids, dim=1) if ids else categories
        return inputs

    def _located(self, values: Tensor, index: int) -> tuple[Tensor, Tensor]:
        """The table row (B,) of each value, 0 where it is missing, and the share (B,) of the way to the next knot."""
        missing = torch.isnan(values)
        row, share = self.columns[index](torch.where(missing, 0.0, values.double()))
        return torch.where(missing, 0, row), torch.where(missing, 0.0, share).float()

    def _scalar(self, values: Tensor, index: int) -> Tensor:
        missing = torch.isnan(values)
        scalar: Tensor = self.columns[index](torch.where(missing, 0.0, values.double()))
        return torch.where(missing, 0.0, scalar).float()


def input_tensors(
    rows: Rows, schema: Schema, architecture: Architecture, *, device: str | torch.device = "cpu"
) -> dict[str, Tensor]:
    """Ids, fractions, waves, scalars and ``sequence/<name>`` (N, columns, length) of encoded rows on a device."""
    sequences = {f"sequence/{name}": _int32(ids) for name, ids in rows.sequences.items()}
    encoder = InputEncoder(schema, architecture)
    columns = encoder(_int32(rows.categories), torch.tensor(rows.numbers))
    return {name: tensor.to(device) for name, tensor in {**sequences, **columns}.items()}


def _int32(ids: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> Tensor:
    return torch.tensor(np.ascontiguousarray(ids, dtype=np.int32))
