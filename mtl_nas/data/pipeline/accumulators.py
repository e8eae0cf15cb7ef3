"""What batches of a table are gathered into: labels, codes of a column, numbers.

What comes out does not depend on where the batches were cut.
"""

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.columns.statistics import RANKS, blank, number
from mtl_nas.data.parsing.numeric import numerals, parsed
from mtl_nas.data.pipeline.table_batches import numbered
from mtl_nas.data.schema import Number
from mtl_nas.data.tasks.labels import STRAY
from mtl_nas.errors import DataError

ENOUGH = 1_000_000  # rows of which every number is kept; of more, quantiles are those of a sample of so many
MOST_LABELS = 100_000  # different ones that can be classes
STRETCH = 2**16  # rows whose sums are added up at once
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Labels:
    """The different labels of a column, each once, and whether some are no numbers among numbers."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._found: dict[Any, None] = {}
        self._full = False
        self._labelled = self._wrong = 0
        self._stray: tuple[int, pd.Series[Any]] | None = None

    def add(self, first: int, values: "pd.Series[Any]") -> None:
        """The labels of further rows."""
        wrong = parsed(values)[1]
        self._labelled += int(values.notna().sum())
        self._wrong += int(wrong.sum())
        if self._stray is None and wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            self._stray = first + row, values.iloc[row : row + 1]
        if len(self._found) <= MOST_LABELS:
            self._found.update(dict.fromkeys(pd.unique(values.dropna()).tolist()))

    @property
    def values(self) -> "pd.Series[Any]":
        """Each label once; so many that they are no classes are not all there."""
        return pd.Series(list(self._found), name=self.column, dtype=None if self._found else object)

    def refuse_strays(self) -> None:
        """DataError naming the first label that is no number where nearly all are."""
        if self._stray is not None and self._wrong <= STRAY * self._labelled:
            with numbered(self._stray[0]):
                numerals(self._stray[1])

    def refuse_many(self, task: str) -> None:
        """DataError where there are more labels than classes are counted."""
        if len(self._found) > MOST_LABELS:
            raise DataError(f"task '{task}' has more than {MOST_LABELS:,} different labels; say kind: regression")


class Codes:
    """A column as whole numbers in order of their first appearance, four bytes a row."""

    def __init__(self) -> None:
        self._known: dict[Any, int] = {}
        self._parts: list[NDArray[np.int32]] = []

    def add(self, values: "pd.Series[Any]") -> None:
        """The values of further rows."""
        codes, found = pd.factorize(values)
        table = [self._known.setdefault(value, len(self._known)) for value in found.tolist()]
        self._parts.append(np.asarray([*table, -1], dtype=np.int32)[codes])

    def values(self) -> "pd.Series[Any]":
        """The column, as pandas categories."""
        codes = np.concatenate(self._parts)
        self._parts = [codes]
        return pd.Series(pd.Categorical.from_codes(codes, categories=pd.Index(list(self._known))))


class Numbers:
    """Rows of numbers, (n, K) with NaN where missing: all of them up to ENOUGH, of more a sample and exact moments."""

    def __init__(self, names: list[str], dtype: type[np.floating[Any]] = np.float32) -> None:
        self.names, self.rows = names, 0
        self._kept = np.empty((0, len(names)), dtype=dtype)
        self._ranks = np.empty(0, dtype=np.uint64)
        self._waiting: list[NDArray[Any]] = []
        self._counts, self._means, self._squares = (np.zeros(len(names)) for _ in range(3))
        self._lowest, self._highest = np.full(len(names), math.inf), np.full(len(names), -math.inf)

    def add(self, first: int, place: NDArray[np.int64], values: NDArray[np.floating[Any]]) -> None:
        """Rows, and where they lie in the batch that begins at row ``first``."""
        if not self.names:
            return
        self.rows += len(values)
        ranks = _ranks(place + first)
        if len(self._ranks) >= ENOUGH:  # most of a large table's rows are not in the sample
            chosen = ranks <= self._ranks.max()
            ranks, kept = ranks[chosen], values[chosen]
        else:
            kept = values
        self._kept = np.concatenate([self._kept, kept.astype(self._kept.dtype)])
        self._ranks = np.concatenate([self._ranks, ranks])
        if len(self._ranks) > ENOUGH:
            best = np.sort(np.argpartition(self._ranks, ENOUGH)[:ENOUGH])  # in the order of the rows
            self._kept, self._ranks = self._kept[best], self._ranks[best]
        self._waiting.append(values)
        self._add_up(STRETCH)

    @property
    def whole(self) -> bool:
        """No row is left out."""
        return self.rows <= ENOUGH

    @property
    def kept(self) -> int:
        """Rows that are at hand."""
        return len(self._kept)

    def column(self, name: str) -> NDArray[Any]:
        """What is kept of a column that is not missing."""
        values = self._kept[:, self.names.index(name)]
        return values[~np.isnan(values)]

    def number(self, name: str) -> Number:
        """A column with its moments and quantiles."""
        if self.whole:
            return number(name, self._kept[:, self.names.index(name)])
        self._add_up(1)
        place = self.names.index(name)
        count = int(self._counts[place])
        if not count:
            raise blank(name)
        seen = self.column(name)
        ends = np.array([self._lowest[place], self._highest[place]])
        quantiles = np.quantile(np.concatenate([seen, ends]), RANKS, method="nearest")  # the ends are exact
        mean, deviation = self.moments(name)
        return Number(
            name=name, mean=mean, deviation=deviation, quantiles=tuple(quantiles.tolist()), missing=count < self.rows
        )

    def moments(self, name: str) -> tuple[float, float]:
        """Mean and deviation of all rows in which the column is not missing."""
        self._add_up(1)
        place = self.names.index(name)
        spread = self._squares[place] / self._counts[place]
        same = self._lowest[place] == self._highest[place]
        return float(self._means[place]), 0.0 if same else float(np.sqrt(spread))

    def _add_up(self, least: int) -> None:
        """Sums over stretches of one length, so that they do not depend on the batches (Chan et al., 1979)."""
        waiting = sum(map(len, self._waiting))
        if not waiting or waiting < least:
            return
        rows = np.concatenate(self._waiting)
        for start in range(0, len(rows), STRETCH):
            part = rows[start : start + STRETCH].astype(np.float64)
            if len(part) < least:
                break
            self._merge(part)
        self._waiting = [rows[start:]] if len(part) < least else []

    def _merge(self, part: NDArray[np.float64]) -> None:
        known = ~np.isnan(part)
        counts = known.sum(axis=0)
        filled = np.where(known, part, 0.0)
        means = filled.sum(axis=0) / np.maximum(counts, 1)
        squares = (np.where(known, part - means, 0.0) ** 2).sum(axis=0)
        total = np.maximum(self._counts + counts, 1)
        step = means - self._means
        self._squares += squares + step**2 * self._counts * counts / total
        self._means += step * counts / total
        self._counts += counts
        self._lowest = np.fmin(self._lowest, np.where(known, part, np.inf).min(axis=0))
        self._highest = np.fmax(self._highest, np.where(known, part, -np.inf).max(axis=0))


def _ranks(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A random number a row that depends on nothing else (splitmix64); a sample is the rows of the lowest."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return found
