"""The combination of the labels of each row, as one small number.

A label is a class, or for numbers zero or a quartile; being missing is a label too. Where combinations are too many,
labels that many rows have are no longer told apart: chance alone spreads those evenly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_COMBINATIONS = 4096
STRETCH = 2**16  # rows that are combined at once, so that no result depends on where batches were cut
COMMON, MISSING, FIRST = 0, 1, 2  # codes: not told apart, no label, and the first class or zero
QUARTILES = (0.25, 0.5, 0.75)

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Combinations:
    """Distinct combinations (C, T) of codes, and the number of the combination of each row, (N,)."""

    values: Codes
    of_row: NDArray[np.uint16]

    def take(self, rows: NDArray[Any] | slice) -> "Combinations":
        """The combinations of these rows."""
        return Combinations(self.values, self.of_row[rows])

    def label_ids(self) -> tuple[Codes, int]:
        """The combinations (C, T) with one number per task and label; 0 where a label is not told apart.

        Labels are numbered from 1 to the second value that is returned; the numbers of missing ones follow.
        """
        ids, last, labels = np.zeros_like(self.values), 0, 0
        for missing in (False, True):
            for task, column in enumerate(self.values.T):
                told_apart = (column != COMMON) & ((column == MISSING) == missing)
                present, index = np.unique(column[told_apart], return_inverse=True)
                ids[told_apart, task] = last + 1 + index
                last += len(present)
            labels = labels if missing else last
        return ids, labels


class LabelCombinations:
    """Gathers the combinations of a table whose labels come in batches."""

    def __init__(self, rows: int, has_classes: Sequence[bool]) -> None:
        """``has_classes``: per task, whether its labels are codes of classes; they are numbers otherwise."""
        self._has_classes = has_classes
        self._of_row = np.empty(rows, dtype=np.uint16)
        self._values = np.empty((0, len(has_classes)), dtype=np.int64)
        self._counts = np.empty(0, dtype=np.int64)
        self._number_of: dict[bytes, int] = {}
        self._common = [np.empty(0, dtype=np.int64) for _ in has_classes]  # codes that are not told apart
        self._quartiles: list[NDArray[np.float64]] | None = None
        self._waiting: list[NDArray[np.float64]] = []
        self._read = 0

    def add(self, labels: NDArray[np.float64]) -> None:
        """Further labels, (n, T), NaN where missing."""
        self._waiting.append(labels)
        self._combine_stretches(STRETCH)

    def combinations(self) -> Combinations:
        """The combinations of all rows that were added."""
        self._combine_stretches(1)
        order = np.lexsort(self._values.T[::-1])
        rank = np.empty(len(order), dtype=np.uint16)
        rank[order] = np.arange(len(order), dtype=np.uint16)
        self._renumber(rank)
        return Combinations(self._values[order], self._of_row[: self._read])

    def _combine_stretches(self, least: int) -> None:
        """Combine the waiting rows, but for a last stretch that is shorter than ``least``."""
        waiting = sum(map(len, self._waiting))
        if not waiting or waiting < least:
            return
        labels = np.concatenate(self._waiting)
        stop = waiting if least == 1 else waiting - waiting % STRETCH
        for start in range(0, stop, STRETCH):
            self._combine(labels[start : min(start + STRETCH, stop)])
        self._waiting = [labels[stop:]] if stop < waiting else []

    def _combine(self, labels: NDArray[np.float64]) -> None:
        values, index = _distinct(self._codes(labels))
        known = len(self._number_of)
        numbers = np.array([self._number_of.setdefault(row.tobytes(), len(self._number_of)) for row in values])
        added = numbers >= known
        self._values = np.concatenate([self._values, values[added]])
        self._counts = np.append(self._counts, np.zeros(int(added.sum()), dtype=np.int64))
        np.add.at(self._counts, numbers, np.bincount(index, minlength=len(values)))
        of_row = numbers[index]
        if len(self._values) > MOST_COMBINATIONS:
            renumbered = self._merge_common()
            self._renumber(renumbered.astype(np.uint16))
            of_row = renumbered[of_row]
        self._of_row[self._read : self._read + len(labels)] = of_row
        self._read += len(labels)

    def _renumber(self, renumbered: NDArray[np.uint16]) -> None:
        for start in range(0, self._read, STRETCH):
            stretch = slice(start, min(start + STRETCH, self._read))
            self._of_row[stretch] = renumbered[self._of_row[stretch]]

    def _codes(self, labels: NDArray[np.float64]) -> Codes:
        if self._quartiles is None:
            self._quartiles = [
                np.empty(0) if classes else _quartiles(column)
                for classes, column in zip(self._has_classes, labels.T, strict=True)
            ]
        codes = np.full(labels.shape, MISSING, dtype=np.int64)
        for task, column in enumerate(labels.T):
            present = ~np.isnan(column)
            values = column[present]
            if self._has_classes[task]:
                codes[present, task] = values.astype(np.int64) + FIRST
            else:
                quartile = np.searchsorted(self._quartiles[task], values, side="right")
                codes[present, task] = np.where(values == 0, FIRST, FIRST + 1 + quartile)
            codes[np.isin(codes[:, task], self._common[task]), task] = COMMON
        return codes

    def _merge_common(self) -> Codes:
        """Tell the most frequent labels no longer apart, until the combinations are few; their new numbers."""
        renumbered = np.arange(len(self._values))
        while len(self._values) > MOST_COMBINATIONS:
            rows = [np.bincount(column, weights=self._counts) for column in self._values.T]
            limit = max(float(counts[FIRST - 1 :].max(initial=0)) for counts in rows) / 2
            for task, counts in enumerate(rows):
                common = np.flatnonzero(counts > limit)
                self._common[task] = np.union1d(self._common[task], common[common != COMMON])
                self._values[np.isin(self._values[:, task], common), task] = COMMON
            self._values, index = _distinct(self._values)
            self._counts = np.bincount(index, weights=self._counts).astype(np.int64)
            renumbered = index[renumbered]
        self._number_of = {row.tobytes(): number for number, row in enumerate(self._values)}
        return renumbered


def _quartiles(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inner quartiles of labels that are neither missing nor zero."""
    measured = labels[~np.isnan(labels) & (labels != 0)]
    return np.unique(np.quantile(measured, QUARTILES)) if len(measured) else np.empty(0)


def _distinct(codes: Codes) -> tuple[Codes, Codes]:
    """The distinct rows of (n, T) codes, and which of them each row is."""
    keys, size = np.zeros(len(codes), dtype=np.int64), 1
    for column in codes.T:
        width = int(column.max()) + 1
        if size * width >= 2**62:
            keys = np.unique(keys, return_inverse=True)[1]
            size = int(keys.max()) + 1
        keys, size = keys * width + column, size * width
    _, first, index = np.unique(keys, return_index=True, return_inverse=True)
    return np.ascontiguousarray(codes[first]), index
