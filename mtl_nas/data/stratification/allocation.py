"""How many rows of each label combination, or groups of each profile, go to which part.

Items with a rare label are placed first (iterative stratification; Sechidis, Tsoumakas and Vlahavas, 2011), and each
goes where its labels are missed most.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_nas.random_streams import SPLIT_SEED

ROWS = 0  # the label id that every row has
LEAST_WISH = 0.25  # rows of a label wished in a part that should have none; costs are divided by wishes

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Item:
    """Interchangeable rows or groups: how many, and the rows of one of them by label id."""

    count: int
    labels: Counts  # label ids, ROWS first
    rows: Floats


@dataclass(frozen=True)
class Wish:
    """The rows (P,) wished in each part, and the order in which parts are served if there are too few of a label.

    Labels up to the number ``everywhere`` are wished in every part.
    """

    sizes: Counts
    priority: Sequence[int]
    everywhere: int
    exact: bool  # rows fill a part to its size; groups may miss it


def allocate(items: Sequence[Item], wish: Wish) -> Counts:
    """(items, parts): the number of each item that goes to each part."""
    allocation = _Allocation(items, wish)
    allocation.place()
    allocation.repair()
    return allocation.counts


class _Allocation:
    """Placed items ``counts`` (items, parts), and their rows ``placed`` (labels, parts)."""

    def __init__(self, items: Sequence[Item], wish: Wish) -> None:
        self._items, self._wish = items, wish
        labels = 1 + max(int(item.labels.max()) for item in items)
        self._total, self._carriers = np.zeros(labels), np.zeros(labels)
        for item in items:
            self._total[item.labels] += item.count * item.rows
            self._carriers[item.labels] += item.count
        self._wished = self._wished_rows()
        self._scale = np.maximum(self._wished, LEAST_WISH)
        self.placed = np.zeros_like(self._wished)
        self.counts = np.zeros((len(items), len(wish.sizes)), dtype=np.int64)

    def _wished_rows(self) -> Floats:
        """(labels, parts): shares of the rows of each label, yet no part without one that could have one."""
        sizes, priority = self._wish.sizes, list(self._wish.priority)
        wished = np.outer(self._total, sizes / max(sizes.sum(), 1))
        per_carrier = self._total / np.maximum(self._carriers, 1)
        last = min(self._wish.everywhere, len(wished) - 1)
        for label in range(ROWS + 1 if self._wish.exact else ROWS, last + 1):
            served = priority[: int(min(self._carriers[label], len(priority)))]
            row = np.zeros(len(priority))
            row[served] = np.maximum(wished[label, served], per_carrier[label])
            row[priority[0]] = 0.0
            row[priority[0]] = self._total[label] - row.sum()  # the first part gives what the others lack
            wished[label] = np.maximum(row, 0.0)
        return wished

    def place(self) -> None:
        order = np.random.RandomState(SPLIT_SEED).permutation(len(self._items))
        rarest = np.array([self._rarest(item) for item in self._items])
        rows = np.array([item.rows[0] for item in self._items])
        order = order[np.lexsort((-rows[order], self._carriers[rarest][order]))]
        for index in order:
            self._move(index, None, self._even_counts(self._items[index], rarest[index]))
            for _ in range(self._items[index].count - int(self.counts[index].sum())):
                self._move(index, None, self._one(int(self._costs(self._items[index]).argmin())))

    def _even_counts(self, item: Item, label: int) -> Counts:
        """(parts,): whole items in the shares in which the parts still miss a label; the rest is placed singly."""
        missed = np.maximum(self._wished[label] - self.placed[label], 0.0)
        counts = np.floor(item.count * missed / max(missed.sum(), LEAST_WISH) + 1e-9).astype(np.int64)
        if self._wish.exact:
            room = np.maximum(self._wish.sizes - self.placed[ROWS], 0)
            counts = np.minimum(counts, room.astype(np.int64))
        even: Counts = counts
        return even

    def repair(self) -> None:
        """Move items so that a label which as many items carry as there are parts is in every part."""
        needed = self._needed(np.arange(len(self._carriers)))
        for label in np.argsort(self._carriers, kind="stable"):
            empty = np.flatnonzero(self.placed[label] <= 0)
            if label == ROWS or not needed[label] or not len(empty):
                continue
            carriers = [index for index, item in enumerate(self._items) if label in item.labels]
            for part in empty:
                moves = [
                    (index, source) for index in carriers for source in np.flatnonzero(self.counts[index]).tolist()
                ]
                self._move_first(moves, int(part))
                if self._wish.exact and self.placed[ROWS, part] > self._wish.sizes[part]:
                    self._give_back(int(part), int(label))

    def _give_back(self, part: int, label: int) -> None:
        """Move one row without the label out of a part that is too full."""
        free = np.flatnonzero(self.placed[ROWS] < self._wish.sizes)
        others = [
            index for index in np.flatnonzero(self.counts[:, part]).tolist() if label not in self._items[index].labels
        ]
        if len(free):
            self._move_first([(index, part) for index in others], int(free[0]))

    def _move_first(self, moves: Sequence[tuple[int, int]], target: int) -> None:
        """The first move (item, source) that takes the last of no label from a part."""
        for index, source in moves:
            item = self._items[index]
            rest = self.placed[item.labels, source] - item.rows
            if source != target and (rest[self._needed(item.labels)] > 1e-9).all():
                self._move(index, source, self._one(target))
                return

    def _needed(self, labels: Counts) -> NDArray[np.bool_]:
        """Whether each label is wished in every part, and as many items carry it as there are parts."""
        return (labels <= self._wish.everywhere) & (self._carriers[labels] >= len(self._wish.sizes))

    def _rarest(self, item: Item) -> int:
        return int(item.labels[self._carriers[item.labels].argmin()])

    def _costs(self, item: Item) -> Floats:
        """(parts,): how much farther from the wished rows one more item would be, over all of its labels."""
        wished, placed = self._wished[item.labels], self.placed[item.labels]
        rows = item.rows[:, None]
        costs: Floats = ((2 * (placed - wished) + rows) * rows / self._scale[item.labels]).sum(axis=0)
        full = self.placed[ROWS] + item.rows[0] > self._wish.sizes
        return np.where(full, np.inf, costs) if self._wish.exact and not full.all() else costs

    def _move(self, index: int, source: int | None, counts: Counts) -> None:
        item = self._items[index]
        if source is not None:
            counts = counts - self._one(source)
        self.counts[index] += counts
        self.placed[item.labels] += item.rows[:, None] * counts

    def _one(self, part: int) -> Counts:
        counts: Counts = (np.arange(len(self._wish.sizes)) == part).astype(np.int64)
        return counts
