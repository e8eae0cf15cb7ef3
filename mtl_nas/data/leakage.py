"""Features that give a label away."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.random_streams import LEAK_CHECK_SEED

MOST_ROWS = 100_000  # rows that are checked
FEWEST_ROWS = 30  # labelled rows, with fewer of which nothing is checked
MOST_EXPLAINED = 0.99**2  # share of the variance of a label; a correlation of 0.99
ROWS_PER_LEVEL = 20  # labelled rows per level that a category needs to be checked
COLUMNS_AT_ONCE = 64  # number columns that are checked at once


def refuse_leaks(rows: Rows, schema: Schema) -> None:
    """Raise DataError naming the first column that equals a label, or is missing exactly where the label is 0 or 1."""
    if len(rows) > MOST_ROWS:
        rows = rows.take(np.random.RandomState(LEAK_CHECK_SEED).permutation(len(rows))[:MOST_ROWS])
    for index, task in enumerate(schema.tasks):
        valid = ~np.isnan(rows.labels[:, index])
        if valid.sum() < FEWEST_ROWS:
            continue
        targets = task.rules.leak_targets(rows.labels[valid, index].astype(np.float64))
        for name, share in _explained_shares(rows, valid, targets - targets.mean(axis=0), schema):
            if share > MOST_EXPLAINED:
                raise DataError(
                    f"column '{name}' gives away the label of task '{task.name}' (correlation {np.sqrt(share):.3f}); "
                    f"{_way_out(name, schema)}, or leave the task out"
                )


def _way_out(name: str, schema: Schema) -> str:
    for column in schema.categories:
        if column.name == name and column.calendar is not None:
            return f"leave {column.calendar.part} out of columns: {column.calendar.column}"
    return f"ignore it (ignore: ['{name}'])"


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
