"""Thresholds of a number column at which the labels change: the leaves of one tree over all tasks.

The tree reads one column. It is grown best first by the reduction of the squared error of the standardised labels,
summed over tasks, so that its first K thresholds are the tree with K + 1 leaves.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task

MOST_THRESHOLDS = 64  # more cost seconds on tables of hundreds of columns
SMALLEST_LEAF = 10  # rows
LEAF_SHARE = 1 / 200  # of the rows; the larger of both bounds a leaf
MOST_BINS = 1_024  # between which a threshold may lie
LEAST_GAIN = 1e-9  # reduction of the squared error, in standard deviations squared times rows


class _Split(NamedTuple):
    gain: float
    start: int
    stop: int
    at: int  # first bin of the right leaf


def standard_labels(labels: NDArray[np.float64], tasks: Sequence[Task]) -> NDArray[np.float64]:
    """Labels (N, T) -> targets (N, K) of mean 0 and deviation 1, one per class where there are several; 0: no label."""
    columns = []
    for index, task in enumerate(tasks):
        column = labels[:, index]
        if len(task.classes) > 2:
            columns += [np.where(np.isnan(column), np.nan, column == code) for code in range(len(task.classes))]
        else:
            columns.append(column)
    targets = np.stack(columns, axis=1)
    present = ~np.isnan(targets)
    counts = np.maximum(present.sum(axis=0), 1)
    centred = np.where(present, targets - np.where(present, targets, 0.0).sum(axis=0) / counts, 0.0)
    deviations = np.sqrt((centred**2).sum(axis=0) / counts)
    return centred / np.where(deviations > 0, deviations, 1.0)


def label_thresholds(values: NDArray[np.float64], targets: NDArray[np.float64]) -> tuple[float, ...]:
    """At most 64 thresholds of (N,) values, the most useful one first; ``targets`` (N, K) are standardised."""
    order = np.argsort(values)
    ordered = values[order]
    starts = _starts_of_bins(ordered)
    rows = np.append(starts, len(values))
    sums = np.zeros((len(rows), targets.shape[1]))
    sums[1:] = np.cumsum(np.add.reduceat(targets[order], starts), axis=0)
    smallest = max(SMALLEST_LEAF, int(len(values) * LEAF_SHARE))
    leaves = [_best_split(rows, sums, 0, len(starts), smallest)]
    thresholds: list[float] = []
    while len(thresholds) < MOST_THRESHOLDS:
        split = max(leaves)
        if split.gain <= LEAST_GAIN:
            break
        first = rows[split.at]  # of the right leaf
        thresholds.append(float((ordered[first - 1] + ordered[first]) / 2))
        leaves.remove(split)
        leaves += [
            _best_split(rows, sums, start, stop, smallest)
            for start, stop in ((split.start, split.at), (split.at, split.stop))
        ]
    return tuple(thresholds)


def _starts_of_bins(ordered: NDArray[np.float64]) -> NDArray[np.int64]:
    """The first position of each bin of ascending values: one bin a distinct value, or bins of about equal rows."""
    starts = np.flatnonzero(np.append(True, ordered[1:] > ordered[:-1]))
    if len(starts) <= MOST_BINS:
        return starts
    borders = np.arange(MOST_BINS) * len(ordered) // MOST_BINS
    return np.unique(starts[np.searchsorted(starts, borders, side="right") - 1])


def _best_split(rows: NDArray[np.int64], sums: NDArray[np.float64], start: int, stop: int, smallest: int) -> _Split:
    """The split of a leaf that reduces the squared error most; its gain is 0 where none leaves enough rows."""
    at = np.arange(start + 1, stop)
    left, right = rows[at] - rows[start], rows[stop] - rows[at]
    at = at[(left >= smallest) & (right >= smallest)]
    if not len(at):
        return _Split(0.0, start, stop, start)
    left, right = rows[at] - rows[start], rows[stop] - rows[at]
    left_sums, right_sums, all_sums = sums[at] - sums[start], sums[stop] - sums[at], sums[stop] - sums[start]
    explained = (left_sums**2).sum(axis=1) / left + (right_sums**2).sum(axis=1) / right
    best = int(np.argmax(explained))
    gain = float(explained[best] - (all_sums**2).sum() / (rows[stop] - rows[start]))
    return _Split(gain, start, stop, int(at[best]))
