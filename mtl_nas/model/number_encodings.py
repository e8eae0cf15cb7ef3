"""Encodings of one number column, for training and for exported graphs alike.

All of them compute in double precision, in the order of operations of numpy's ``searchsorted`` and ``interp``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from statistics import NormalDist

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mtl_nas.blocks import NumberEncoding
from mtl_nas.data import Number, histogram_edges

QUARTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
CLIPPED = 3.0  # largest absolute value of a robust number
NORMAL_RANKS = np.linspace(1 / 1024, 1 - 1 / 1024, 1023)  # ranks between which the normal score is interpolated
NORMAL_SCORES = np.array([NormalDist().inv_cdf(float(rank)) for rank in NORMAL_RANKS])


def knots(number: Number, buckets: int) -> NDArray[np.float64]:
    """At most ``buckets`` + 1 of the distinct quantiles; a frequent value, equal to many quantiles, takes one knot."""
    distinct: NDArray[np.float64] = np.unique(np.asarray(number.quantiles, dtype=np.float64))
    if len(distinct) <= buckets + 1:
        return distinct
    indices: NDArray[np.int64] = np.linspace(0, len(distinct) - 1, buckets + 1).round().astype(np.int64)
    return np.take(distinct, indices)


def boundaries(number: Number, buckets: int) -> NDArray[np.float64]:
    """The lower end of each bucket but the first; a column with few distinct values has one bucket for each."""
    edges = knots(number, buckets)
    return edges[1:-1] if len(edges) > buckets else edges[1:]


def label_knots(number: Number, buckets: int) -> NDArray[np.float64]:
    """The ends of the range, and at most ``buckets`` - 1 of the thresholds at which labels change, the best ones."""
    ends = (number.quantiles[0], number.quantiles[-1])
    inner = np.asarray(number.thresholds[: buckets - 1], dtype=np.float64)
    return np.unique(np.concatenate([ends, inner]))


class TabledNumber(nn.Module, ABC):
    """Values (B,) -> the table row of each, 1 or more, and its distance to the next row as a share between 0 and 1."""

    edges: Tensor

    def __init__(self, edges: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("edges", torch.tensor(edges, dtype=torch.float64))

    @abstractmethod
    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Rows (B,) and shares (B,); ``values`` are double, without missing ones."""


class Bucket(TabledNumber):
    """One row per bucket, which ``edges`` part; the share is 0."""

    def __init__(self, edges: NDArray[np.float64]) -> None:
        super().__init__(edges if len(edges) else np.array([np.inf]))  # exporters do not search empty tensors

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        return 1 + torch.bucketize(values, self.edges, right=True), torch.zeros_like(values)


class Piecewise(TabledNumber):
    """One row per knot; the share is that of the way to the next knot."""

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor]:
        last = len(self.edges) - 1
        lower = (torch.bucketize(values, self.edges, right=True) - 1).clamp(0, max(last - 1, 0))
        width = self.edges[(lower + 1).clamp(max=last)] - self.edges[lower]
        share = (values - self.edges[lower]) / torch.where(width > 0, width, 1.0)
        return 1 + lower, share.clamp(0.0, 1.0)


class Standard(nn.Module):
    """(x - mean) / deviation."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, number: Number) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(number.mean, dtype=torch.float64))
        self.register_buffer("deviation", torch.tensor(number.deviation or 1.0, dtype=torch.float64))

    def forward(self, values: Tensor) -> Tensor:
        """(B,) -> (B,)."""
        return (values - self.mean) / self.deviation


class Quantile(nn.Module):
    """The normal score of the rank; a value equal to several quantiles has the middle of their ranks."""

    quantiles: Tensor
    ranks: Tensor
    normal_ranks: Tensor
    normal_scores: Tensor

    def __init__(self, number: Number) -> None:
        super().__init__()
        quantiles = np.asarray(number.quantiles, dtype=np.float64)
        self.register_buffer("quantiles", torch.tensor(quantiles))
        self.register_buffer("ranks", torch.tensor(np.linspace(0.0, 1.0, len(quantiles))))
        self.register_buffer("normal_ranks", torch.tensor(NORMAL_RANKS))
        self.register_buffer("normal_scores", torch.tensor(NORMAL_SCORES))

    def forward(self, values: Tensor) -> Tensor:
        """(B,) -> (B,)."""
        above = _interpolated(values, self.quantiles, self.ranks)
        below = -_interpolated(-values, -self.quantiles.flip(0), -self.ranks.flip(0))
        return _interpolated((above + below) / 2, self.normal_ranks, self.normal_scores)


class Robust(nn.Module):
    """z / sqrt(1 + (z / 3)^2) of the distance z from the median in interquartile ranges (Holzmueller et al., 2024).

    Where half of the rows are equal, the scale is half of the whole range.
    """

    median: Tensor
    scale: Tensor

    def __init__(self, number: Number) -> None:
        super().__init__()
        last = len(number.quantiles) - 1
        first, lower, median, upper, highest = (number.quantiles[round(last * share)] for share in QUARTILES)
        scale = upper - lower if upper > lower else (highest - first) / 2
        self.register_buffer("median", torch.tensor(median, dtype=torch.float64))
        self.register_buffer("scale", torch.tensor(scale or 1.0, dtype=torch.float64))

    def forward(self, values: Tensor) -> Tensor:
        """(B,) -> (B,)."""
        distance = (values - self.median) / self.scale
        return distance / torch.sqrt(1 + (distance / CLIPPED) ** 2)


def number_encoder(
    number: Number, encoding: NumberEncoding, buckets: int
) -> TabledNumber | Standard | Quantile | Robust:
    """The module that encodes a column; of a periodic one, the number whose sines and cosines a network takes."""
    return ENCODERS[encoding](number, buckets)


ENCODERS: Mapping[NumberEncoding, Callable[[Number, int], TabledNumber | Standard | Quantile | Robust]] = {
    "standard": lambda number, _: Standard(number),
    "quantile": lambda number, _: Quantile(number),
    "robust": lambda number, _: Robust(number),
    "bucket": lambda number, buckets: Bucket(boundaries(number, buckets)),
    "histogram": lambda number, buckets: Bucket(histogram_edges(number, buckets)),
    "piecewise": lambda number, buckets: Piecewise(knots(number, buckets)),
    "target": lambda number, buckets: Piecewise(label_knots(number, buckets)),
    "periodic": lambda number, _: Robust(number),
}


def _interpolated(values: Tensor, points: Tensor, heights: Tensor) -> Tensor:
    """``numpy.interp``: piecewise linear between points that do not fall, constant beyond them."""
    count, last = torch.bucketize(values, points, right=True), len(points) - 1
    lower = (count - 1).clamp(0, max(last - 1, 0))
    upper = (lower + 1).clamp(max=last)
    width = points[upper] - points[lower]
    slope = (heights[upper] - heights[lower]) / torch.where(width > 0, width, 1.0)
    between = slope * (values - points[lower]) + heights[lower]
    return torch.where(count == 0, heights[0], torch.where(count > last, heights[-1], between))
