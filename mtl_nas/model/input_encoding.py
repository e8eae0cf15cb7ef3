"""Encoded rows -> the input tensors of a network; what does not change between steps is computed here, once."""

import numpy as np
import torch
from torch import Tensor, nn

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Embedding
from mtl_nas.data import Rows, Schema
from mtl_nas.model.number_encodings import number_encoder


class InputEncoder(nn.Module):
    """Categories and numbers -> the ids (B, F), fractions (B, M) and scalars (B, S) that an architecture reads."""

    starts: Tensor
    number_starts: Tensor

    def __init__(self, schema: Schema, architecture: Architecture) -> None:
        super().__init__()
        embeddings = (node.block for node in architecture.nodes if isinstance(node.block, Embedding))
        self.block = next(embeddings, None)  # all embeddings of a graph read the same columns in one encoding
        if self.block is None:
            return
        ends = np.cumsum([0, *(field.size for field in self.block.categories)])
        number_starts = ends[-1] + self.block.number_rows * np.arange(len(schema.numbers))
        self.register_buffer("starts", torch.tensor(ends[:-1], dtype=torch.int32))
        self.register_buffer("number_starts", torch.tensor(number_starts, dtype=torch.int32))
        self.columns = nn.ModuleList(
            number_encoder(number, self.block.encoding, self.block.buckets) for number in schema.numbers
        )
        self.flags = [index for index, number in enumerate(schema.numbers) if number.name in self.block.missing]

    def forward(self, categories: Tensor, numbers: Tensor) -> dict[str, Tensor]:
        """``categories``: integer ids (B, C); ``numbers``: floats (B, M), NaN where missing."""
        if self.block is None:
            return {}
        inputs: dict[str, Tensor] = {}
        ids = [categories + self.starts] if self.block.categories else []
        if self.block.numbers and self.block.tabled:
            located = [self._located(numbers[:, index], index) for index in range(len(self.columns))]
            rows = torch.stack([row for row, _ in located], dim=1) + self.number_starts
            ids.append(rows.to(categories.dtype))
            if self.block.encoding == "piecewise":
                inputs["fractions"] = torch.stack([share for _, share in located], dim=1)
        elif self.block.numbers:
            scalars = [self._scalar(numbers[:, index], index) for index in range(len(self.columns))]
            flags = [torch.isnan(numbers[:, index]).float() for index in self.flags]
            inputs["scalars"] = torch.stack([*scalars, *flags], dim=1)
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
    """Ids, fractions, scalars and ``sequence/<name>`` (N, columns, length) of encoded rows on a device."""
    sequences = {f"sequence/{name}": _int32(ids) for name, ids in rows.sequences.items()}
    encoder = InputEncoder(schema, architecture)
    columns = encoder(_int32(rows.categories), torch.tensor(rows.numbers))
    return {name: tensor.to(device) for name, tensor in {**sequences, **columns}.items()}


def _int32(ids: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> Tensor:
    return torch.tensor(np.ascontiguousarray(ids, dtype=np.int32))
