"""Histograms of number columns: a value that recurs has a bin of its own, the others are divided by mass."""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Histogram, Number

MOST_BINS = 256


def histogram_of(number: Number) -> Histogram:
    """The histogram of the train rows; for a schema of 0.1.0 that of the 257 quantiles."""
    return number.histogram or histogram(np.asarray(number.quantiles, dtype=np.float64))


def histogram_edges(number: Number, bins: int) -> NDArray[np.float64]:
    """The edges between at most ``bins`` bins."""
    whole = histogram_of(number)
    starts = bin_starts(np.asarray(whole.rows, dtype=np.int64), bins)
    return np.asarray(whole.edges, dtype=np.float64)[starts[1:] - 1]


def histogram(values: NDArray[np.float64]) -> Histogram:
    """The histogram of (N,) values: at most 256 bins, one for each value that recurs, the others of equal mass."""
    distinct, counts = np.unique(values, return_counts=True)
    starts = bin_starts(counts, MOST_BINS)
    rows = np.add.reduceat(counts, starts)
    edges = (distinct[starts[1:] - 1] + distinct[starts[1:]]) / 2
    return Histogram(edges=tuple(edges.tolist()), rows=tuple(rows.tolist()), distinct=len(distinct))


def bin_starts(counts: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    """The first of the values, or cells, of each of at most ``bins`` bins; ``counts`` (K,) are their rows.

    A value that has more rows than the mean of the bins that are left for all others keeps a bin of its own, as in the
    histograms of boosted trees; the others are divided by mass.
    """
    if len(counts) <= bins:
        return np.arange(len(counts))
    order = np.argsort(-counts, kind="stable")
    after = counts.sum() - np.cumsum(counts[order])  # rows of the values after each, in that order
    left = bins - 1 - np.arange(min(bins - 1, len(counts)))  # bins that are left once a value has its own
    recurs = counts[order[: len(left)]] > after[: len(left)] / left
    frequent = int(np.argmin(recurs)) if not recurs.all() else len(recurs)
    for alone in range(frequent, -1, -1):
        parts = bins - alone
        while parts > 0:
            starts = _starts(counts, order[:alone], parts)
            if len(starts) <= bins:
                return starts
            parts -= len(starts) - bins  # values that stand alone cut parts in two
    raise AssertionError("without values of their own, bins of equal mass are never too many")


def _starts(counts: NDArray[np.int64], alone: NDArray[np.int64], parts: int) -> NDArray[np.int64]:
    """The starts of bins where some values stand alone; the others, cut at each of those, are divided into parts."""
    stands_alone = np.zeros(len(counts), dtype=bool)
    stands_alone[alone] = True
    others = np.where(stands_alone, 0, counts)
    before = np.cumsum(others) - others
    part = np.minimum(before * parts // max(int(others.sum()), 1), parts - 1)
    begins = np.ones(len(counts), dtype=bool)
    begins[1:] = stands_alone[1:] | stands_alone[:-1] | (part[1:] != part[:-1])
    return np.flatnonzero(begins)
