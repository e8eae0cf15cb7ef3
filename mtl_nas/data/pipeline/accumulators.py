"""Statistics gathered from the batches of a table; no result depends on where the batches were cut."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mtl_nas.data.columns.statistics import PLAIN_NUMBER, RANKS, NumberReading, empty_column, number_column
from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.numeric import parse_numbers, read_numbers
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.schema import Number
from mtl_nas.errors import DataError

MOST_LABELS = 100_000  # distinct labels that are gathered as classes
MOST_MISTAKES = 0.1  # share of labels that are text below which the others are numbers and the texts are mistakes
SUMMED_ROWS = 2**16  # rows whose sums are added at once
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class DistinctLabels:
    """The distinct labels of a column, and the first that is text among numbers."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._texts: dict[str, None] = {}
        self._count = self._invalid = 0
        self._first_invalid: TableBatch | None = None  # a batch of one row

    def add(self, batch: TableBatch) -> None:
        values = batch[self.column]
        invalid = parse_numbers(values, time=True)[1]
        self._count += int((~values.missing).sum())
        self._invalid += int(invalid.sum())
        if self._first_invalid is None and invalid.any():
            row = int(np.flatnonzero(invalid)[0])
            self._first_invalid = TableBatch(batch.first + row, batch.table.take(slice(row, row + 1)))
        if len(self._texts) <= MOST_LABELS:
            self._texts.update(dict.fromkeys(levels.factorize(values)[1]))

    @property
    def values(self) -> RawColumn:
        """Each label once; not all of them where they are too many for classes."""
        distinct, _ = levels.distinct_levels(self._texts)
        return RawColumn(self.column, pa.array(levels.sort_levels(distinct), pa.large_string()))

    def refuse_mistakes(self) -> None:
        """Raise DataError naming the first label that is no number where nearly all labels are numbers."""
        if self._first_invalid is not None and self._invalid <= MOST_MISTAKES * self._count:
            with self._first_invalid.numbered():
                read_numbers(self._first_invalid[self.column])

    def refuse_too_many(self, task: str) -> None:
        """Raise DataError where there are more labels than can be classes."""
        if len(self._texts) > MOST_LABELS:
            raise DataError(f"task '{task}' has more than {MOST_LABELS:,} different labels; say kind: regression")


class FactorizedColumn:
    """A column as codes in order of first appearance, four bytes per row."""

    def __init__(self, column: str) -> None:
        self.column = column
        self._code_of: dict[str, int] = {}
        self._parts: list[NDArray[np.int32]] = []

    def add(self, batch: TableBatch) -> None:
        codes, texts = levels.factorize(batch[self.column])
        global_codes = [self._code_of.setdefault(text, len(self._code_of)) for text in texts]
        self._parts.append(np.asarray([*global_codes, -1], dtype=np.int32)[codes])

    def values(self) -> "pd.Series[Any]":
        """The column as pandas categories, whose names are levels."""
        how = levels.spelling_of_texts(self._code_of)
        meant = [levels.spelled(text, how) for text in self._code_of]
        distinct = list(dict.fromkeys(level for level in meant if level is not None))
        index_of = {level: index for index, level in enumerate(distinct)}
        level_of = np.array([-1 if level is None else index_of[level] for level in meant] + [-1], dtype=np.int32)
        categorical = pd.Categorical.from_codes(level_of[np.concatenate(self._parts)], categories=pd.Index(distinct))
        return pd.Series(categorical, name=self.column)


class NumberColumns:
    """Number columns, (n, K) with NaN where missing: every row, or a random sample beside exact mean and deviation."""

    def __init__(self, names: list[str], dtype: type[np.floating[Any]] = np.float32, *, most: int | None) -> None:
        """``most``: rows that are kept; None keeps all."""
        self.names, self.rows = names, 0
        self._dtype, self._most = dtype, most
        self._parts: list[NDArray[Any]] = []
        self._ranks = np.empty(0, dtype=np.uint64)
        self._moments = None if most is None else _Moments(len(names))

    def add(self, rows: NDArray[np.int64], values: NDArray[np.floating[Any]]) -> None:
        """Further rows, and their numbers within the table."""
        if not self.names:
            return
        self.rows += len(values)
        self._parts.append(values.astype(self._dtype, copy=False))
        if self._moments is not None:
            self._moments.add(values)
            self._thin_out(rows)

    def _thin_out(self, rows: NDArray[np.int64]) -> None:
        """Keep the rows of the lowest ranks, in their order."""
        assert self._most is not None
        *earlier, added = self._parts
        ranks = _ranks(rows)
        if len(self._ranks) >= self._most:  # few rows of a large table are in the sample
            chosen = ranks <= self._ranks.max()
            ranks, added = ranks[chosen], added[chosen]
        self._parts = [*earlier, added]
        self._ranks = np.concatenate([self._ranks, ranks])
        if len(self._ranks) > self._most:
            sampled = np.sort(np.argpartition(self._ranks, self._most)[: self._most])
            self._parts, self._ranks = [self._values()[sampled]], self._ranks[sampled]

    def _values(self) -> NDArray[Any]:
        if len(self._parts) != 1:
            empty = np.empty((0, len(self.names)), dtype=self._dtype)
            self._parts = [np.concatenate([empty, *self._parts])]
        return self._parts[0]

    @property
    def whole(self) -> bool:
        """Whether every row is kept."""
        return self._most is None or self.rows <= self._most

    @property
    def sampled_rows(self) -> int:
        """Number of rows that are kept."""
        return len(self._values())

    def column(self, name: str) -> NDArray[Any]:
        """The kept values of a column, NaN where missing."""
        values: NDArray[Any] = self._values()[:, self.names.index(name)]
        return values

    def number(self, name: str, reading: NumberReading = PLAIN_NUMBER) -> Number:
        """A column with its statistics."""
        if self.whole or self._moments is None:
            return number_column(name, self.column(name), reading)
        index = self.names.index(name)
        count, mean, deviation, ends = self._moments.of(index)
        if not count:
            raise empty_column(name)
        values = self.column(name)
        present = np.concatenate([values[~np.isnan(values)], ends])  # the ends are exact
        quantiles = tuple(np.quantile(present, RANKS, method="nearest").tolist())
        return Number(
            name=name,
            mean=mean,
            deviation=deviation,
            quantiles=quantiles,
            missing=count < self.rows,
            origin=reading.origin,
            time=reading.time,
            unit=reading.unit,
        )

    def mean_and_deviation(self, name: str) -> tuple[float, float]:
        """Mean and deviation over all rows in which the column is not missing."""
        if self.whole or self._moments is None:
            values = self.column(name)
            present = values[~np.isnan(values)]
            return float(present.mean()), float(present.std())
        _, mean, deviation, _ = self._moments.of(self.names.index(name))
        return mean, deviation


class _Moments:
    """Counts, means, squared deviations and ranges of columns, merged over stretches of one length.

    Stretches make the sums independent of the batches (Chan et al., 1979).
    """

    def __init__(self, columns: int) -> None:
        self._waiting: list[NDArray[Any]] = []
        self._counts, self._means, self._squares = (np.zeros(columns) for _ in range(3))
        self._lowest, self._highest = np.full(columns, math.inf), np.full(columns, -math.inf)

    def add(self, values: NDArray[np.floating[Any]]) -> None:
        self._waiting.append(values)
        self._merge_stretches(SUMMED_ROWS)

    def of(self, column: int) -> tuple[int, float, float, NDArray[np.float64]]:
        """Count, mean, deviation, and the lowest and highest value of a column."""
        self._merge_stretches(1)
        lowest, highest = self._lowest[column], self._highest[column]
        count = int(self._counts[column])
        deviation = float(np.sqrt(self._squares[column] / count)) if count and lowest < highest else 0.0
        return count, float(self._means[column]), deviation, np.array([lowest, highest])

    def _merge_stretches(self, least: int) -> None:
        """Merge the waiting rows, but for a last stretch that is shorter than ``least``."""
        waiting = sum(map(len, self._waiting))
        if not waiting or waiting < least:
            return
        rows = np.concatenate(self._waiting)
        stop = len(rows) if least == 1 else len(rows) - len(rows) % SUMMED_ROWS
        for start in range(0, stop, SUMMED_ROWS):
            self._merge(rows[start : min(start + SUMMED_ROWS, stop)].astype(np.float64))
        self._waiting = [rows[stop:]] if stop < len(rows) else []

    def _merge(self, stretch: NDArray[np.float64]) -> None:
        present = ~np.isnan(stretch)
        counts = present.sum(axis=0)
        filled = np.where(present, stretch, 0.0)
        means = filled.sum(axis=0) / np.maximum(counts, 1)
        squares = (np.where(present, stretch - means, 0.0) ** 2).sum(axis=0)
        total = np.maximum(self._counts + counts, 1)
        step = means - self._means
        self._squares += squares + step**2 * self._counts * counts / total
        self._means += step * counts / total
        self._counts += counts
        self._lowest = np.fmin(self._lowest, np.where(present, stretch, np.inf).min(axis=0))
        self._highest = np.fmax(self._highest, np.where(present, stretch, -np.inf).max(axis=0))


def _ranks(rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """A pseudorandom number per row that depends on its number alone (splitmix64)."""
    mixed = (rows.astype(np.uint64) + np.uint64(1)) * GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    ranks: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return ranks
