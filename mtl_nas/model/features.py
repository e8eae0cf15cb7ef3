"""Encoded rows -> the inputs of a network; everything that is equal in all steps is computed here, once."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Embedding
from mtl_nas.data.schema import Number, Schema
from mtl_nas.data.storage.rows import Rows

Arrays = Mapping[str, NDArray[np.generic]]
NORMAL_GRID = np.linspace(1 / 1024, 1 - 1 / 1024, 1023)
NORMAL_SCORES = np.array([NormalDist().inv_cdf(float(rank)) for rank in NORMAL_GRID])


def input_tensors(
    rows: Rows, schema: Schema, architecture: Architecture, *, device: str | torch.device = "cpu"
) -> dict[str, Tensor]:
    """Return ``input_arrays`` as tensors on a device."""
    arrays = input_arrays(rows, schema, architecture)
    return {name: torch.tensor(array, device=device) for name, array in arrays.items()}


def input_arrays(rows: Rows, schema: Schema, architecture: Architecture) -> dict[str, NDArray[np.generic]]:
    """Return ids (N, F), fractions (N, M), scalars (N, S) and ``sequence/<name>`` (N, columns, length), where read."""
    blocks = [node.block for node in architecture.nodes if isinstance(node.block, Embedding)]
    arrays: dict[str, NDArray[np.generic]] = {
        f"sequence/{name}": np.ascontiguousarray(ids, dtype=np.int32) for name, ids in rows.sequences.items()
    }
    if blocks:
        arrays.update(_embedded(rows, schema, blocks[0]))
    return arrays


def knots(number: Number, buckets: int) -> NDArray[np.float64]:
    """At most ``buckets`` + 1 distinct quantiles: ties leave room for the values that are rare."""
    distinct: NDArray[np.float64] = np.unique(np.asarray(number.quantiles, dtype=np.float64))
    if len(distinct) <= buckets + 1:
        return distinct
    places: NDArray[np.int64] = np.linspace(0, len(distinct) - 1, buckets + 1).round().astype(np.int64)
    return np.take(distinct, places)


def boundaries(number: Number, buckets: int) -> NDArray[np.float64]:
    """Where each bucket but the first begins: few distinct values have a bucket each, the largest one too."""
    edges = knots(number, buckets)
    return edges[1:-1] if len(edges) > buckets else edges[1:]


def _embedded(rows: Rows, schema: Schema, block: Embedding) -> Arrays:
    starts = np.cumsum([0, *(field.size for field in block.categories)])
    ids = [np.add(rows.categories, starts[:-1].astype(np.int32), dtype=np.int32)]  # stored ids are narrower
    arrays: dict[str, NDArray[np.generic]] = {}
    if block.tabled and block.numbers:
        first = int(starts[-1]) + block.number_rows * np.arange(len(schema.numbers), dtype=np.int32)
        located = [_located(rows.numbers[:, place], number, block) for place, number in enumerate(schema.numbers)]
        ids.append(np.stack([row for row, _ in located], axis=1) + first)
        if block.encoding == "piecewise":
            arrays["fractions"] = np.stack([share for _, share in located], axis=1)
    elif block.numbers:
        arrays["scalars"] = _scalars(rows, schema, block)
    arrays["ids"] = np.concatenate(ids, axis=1) if len(ids) > 1 else np.ascontiguousarray(ids[0])
    return arrays


def _located(
    values: NDArray[np.float32], number: Number, block: Embedding
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The table row of each value, 0 where it is missing, and how far it lies towards the next knot."""
    missing = np.isnan(values)
    if block.encoding == "bucket":
        row = 1 + np.searchsorted(boundaries(number, block.buckets), values, side="right")
        return np.where(missing, 0, row).astype(np.int32), np.zeros(len(values), np.float32)
    edges = knots(number, block.buckets)
    filled: NDArray[np.float64] = np.where(missing, edges[0], values.astype(np.float64))
    lower = np.clip(np.searchsorted(edges, filled, side="right") - 1, 0, max(len(edges) - 2, 0))
    width = np.diff(edges, append=edges[-1])[lower]
    share = np.clip((filled - edges[lower]) / np.where(width > 0, width, 1.0), 0.0, 1.0)
    return np.where(missing, 0, 1 + lower).astype(np.int32), np.where(missing, 0.0, share).astype(np.float32)


def _scalars(rows: Rows, schema: Schema, block: Embedding) -> NDArray[np.float32]:
    columns = []
    for place, number in enumerate(schema.numbers):
        values = rows.numbers[:, place].astype(np.float64)
        columns.append(_standard(values, number) if block.encoding == "standard" else _normal(values, number))
    flags = [
        np.isnan(rows.numbers[:, place]).astype(np.float64)
        for place, number in enumerate(schema.numbers)
        if number.name in block.missing
    ]
    return np.stack([*columns, *flags], axis=1).astype(np.float32)


def _standard(values: NDArray[np.float64], number: Number) -> NDArray[np.float64]:
    return np.nan_to_num((values - number.mean) / (number.deviation or 1.0), nan=0.0)


def _normal(values: NDArray[np.float64], number: Number) -> NDArray[np.float64]:
    quantiles = np.asarray(number.quantiles)
    ranks = np.linspace(0.0, 1.0, len(quantiles))
    filled = np.nan_to_num(values, nan=float(quantiles[len(quantiles) // 2]))
    # ties stand in the middle of the ranks that they span
    rank = (np.interp(filled, quantiles, ranks) - np.interp(-filled, -quantiles[::-1], -ranks[::-1])) / 2
    scores = np.interp(rank, NORMAL_GRID, NORMAL_SCORES)
    return np.where(np.isnan(values), 0.0, scores)
