"""Features that give a label away."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.random_streams import LEAK_CHECK_SEED

MOST_ROWS = 100_000  # rows that are checked
MOST_LISTED = 12  # leaks that an error lists
FEWEST_ROWS = 30  # labelled rows, with fewer of which nothing is checked
LEAKING = 0.99  # correlation with a label from which on a column is refused
SUSPECT = 0.9  # correlation with a label from which on a column deserves a word
ROWS_PER_LEVEL = 20  # labelled rows per level that a category needs to be checked
COLUMNS_AT_ONCE = 64  # number columns that are checked at once


class Leak(NamedTuple):
    """A column that nearly equals the label of a task, or is missing nearly exactly where the label is 0 or 1."""

    column: str
    task: str
    correlation: float
    way_out: str | None = None  # where the column is no column of the table

    @property
    def is_certain(self) -> bool:
        """Whether the column is refused."""
        return self.correlation > LEAKING

    def __str__(self) -> str:
        return f"'{self.column}' gives away the label of task '{self.task}' (correlation {self.correlation:.3f})"


def refuse_leaks(leaks: Sequence[Leak]) -> None:
    """Raise DataError naming all columns that certainly give a label away."""
    leaks = [leak for leak in leaks if leak.is_certain]
    if not leaks:
        return
    listed = "; ".join(map(str, leaks[:MOST_LISTED])) + ("; ..." if len(leaks) > MOST_LISTED else "")
    columns = [leak.column for leak in leaks if leak.way_out is None]
    ways_out = [leak.way_out for leak in leaks if leak.way_out is not None]
    if columns:
        ways_out.insert(0, f"ignore {'it' if len(columns) == 1 else 'them'} (ignore: {columns})")
    those, s = ("the task", "") if len(leaks) == 1 else ("those tasks", "s")
    raise DataError(f"column{s} {listed}; {', '.join(ways_out)}, or leave {those} out")


def checked_rows(rows: Rows) -> Rows:
    """The rows in which relations of columns and labels are looked for: all, or a random sample of many."""
    if len(rows) <= MOST_ROWS:
        return rows
    return rows.take(np.random.RandomState(LEAK_CHECK_SEED).permutation(len(rows))[:MOST_ROWS])


def find_leaks(rows: Rows, schema: Schema) -> list[Leak]:
    """Every column that gives a label away or nearly so, with the task whose label it shows best."""
    leaks: dict[str, Leak] = {}
    for index, task in enumerate(schema.tasks):
        valid = ~np.isnan(rows.labels[:, index])
        if valid.sum() < FEWEST_ROWS:
            continue
        targets = task.rules.leak_targets(rows.labels[valid, index].astype(np.float64))
        for name, share in _explained_shares(rows, valid, targets - targets.mean(axis=0), schema):
            correlation = float(np.sqrt(share))
            if correlation > SUSPECT and (name not in leaks or correlation > leaks[name].correlation + 1e-9):
                leaks[name] = Leak(name, task.name, correlation, _calendar_way_out(name, schema))
    return list(leaks.values())


def _calendar_way_out(name: str, schema: Schema) -> str | None:
    """How a calendar feature is left out; None for a column of the table."""
    for column in schema.categories:
        if column.name == name and column.calendar is not None:
            return f"leave {column.calendar.part} out of columns: {column.calendar.column}"
    return None


def _explained_shares(
    rows: Rows, valid: NDArray[np.bool_], targets: NDArray[np.float64], schema: Schema
) -> Iterator[tuple[str, float]]:
    """The share of the variance of (N, K) centred targets that each column explains in the valid rows."""
    for start in range(0, len(schema.numbers), COLUMNS_AT_ONCE):
        block = slice(start, start + COLUMNS_AT_ONCE)
        shares = _by_number(rows.numbers[valid, block].astype(np.float64), targets)
        yield from zip((number.name for number in schema.numbers[block]), shares.tolist(), strict=True)
    for index, column in enumerate(schema.categories):
        if ROWS_PER_LEVEL * column.size <= valid.sum():
            yield column.name, _by_level(rows.categories[valid, index], targets)


def _by_number(numbers: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,): the largest share of the variance of any target that each column, or its being missing, explains."""
    present = ~np.isnan(numbers)
    enough = present.sum(axis=0) >= max(FEWEST_ROWS, len(numbers) // 10)
    values = np.where(present, numbers, 0.0)
    values -= np.where(present, values.sum(axis=0) / np.maximum(present.sum(axis=0), 1), 0.0)
    missing = (~present).astype(np.float64)
    missing -= missing.mean(axis=0)
    by_missing = _squared_correlation(missing, np.ones_like(present), targets)
    return np.maximum(by_missing, np.where(enough, _squared_correlation(values, present, targets), 0.0))


def _squared_correlation(
    values: NDArray[np.float64], present: NDArray[np.bool_], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(M,): the largest squared correlation with any target, over the rows where a value is known."""
    weight = present.astype(np.float64)
    count = np.maximum(weight.sum(axis=0), 1)[:, None]
    mean = weight.T @ targets / count
    target_variance = weight.T @ targets**2 / count - mean**2
    covariance = values.T @ targets / count  # values are centred where they are known, and 0 elsewhere
    variance = (values**2).sum(axis=0)[:, None] / count
    with np.errstate(divide="ignore", invalid="ignore"):
        varies = (variance > 0) & (target_variance > 1e-12)
        squared = np.where(varies, covariance**2 / (variance * target_variance), 0.0)
    largest: NDArray[np.float64] = squared.max(axis=1, initial=0.0)
    return largest


def _by_level(ids: NDArray[np.int32], targets: NDArray[np.float64]) -> float:
    """The share of the variance of the targets that lies between levels."""
    counts = np.maximum(np.bincount(ids), 1)
    between = sum((np.bincount(ids, weights=target) ** 2 / counts).sum() for target in targets.T)
    total = float((targets**2).sum())
    return float(between) / total if total > 0 else 0.0
