"""Features that give a label away."""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Schema, Task
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.random_streams import LEAK_CHECK_SEED

MOST_ROWS = 100_000
FEWEST_ROWS = 30
EXPLAINED = 0.99**2  # of a label's variance, where |correlation| is .99
ROWS_PER_LEVEL = 20
COLUMNS_AT_ONCE = 64


def refuse_leaks(rows: Rows, schema: Schema) -> None:
    """DataError naming the first column that equals a label of these rows, or is missing exactly where it is 0 or 1."""
    if len(rows) > MOST_ROWS:
        rows = rows.take(np.random.RandomState(LEAK_CHECK_SEED).permutation(len(rows))[:MOST_ROWS])
    for place, task in enumerate(schema.tasks):
        shares: list[tuple[str, float]] = []
        valid = ~np.isnan(rows.labels[:, place])
        if valid.sum() < FEWEST_ROWS:
            continue
        targets = _targets(rows.labels[valid, place].astype(np.float64), task)
        for start in range(0, len(schema.numbers), COLUMNS_AT_ONCE):
            some = slice(start, start + COLUMNS_AT_ONCE)
            found = _by_number(rows.numbers[valid, some].astype(np.float64), targets)
            shares += zip((number.name for number in schema.numbers[some]), found.tolist(), strict=True)
        for position, column in enumerate(schema.categories):
            if ROWS_PER_LEVEL * column.size <= valid.sum():
                shares.append((column.name, _by_level(rows.categories[valid, position], targets)))
        for name, share in shares:
            if share > EXPLAINED:
                raise DataError(
                    f"column '{name}' gives away the label of task '{task.name}' (correlation {np.sqrt(share):.3f}); "
                    f"ignore it (ignore: ['{name}']), or leave the task out"
                )


def _targets(labels: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """(N, K) centred: the label where it is ordered, and whether it is each of the classes where there are several."""
    columns = task.rules.leak_targets(labels)
    centred: NDArray[np.float64] = columns - columns.mean(axis=0)
    return centred


def _by_number(numbers: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,): the largest share of any target's variance that each column, or its being missing, explains."""
    known = ~np.isnan(numbers)
    enough = known.sum(axis=0) >= max(FEWEST_ROWS, len(numbers) // 10)
    values = np.where(known, numbers, 0.0)
    values -= np.where(known, values.sum(axis=0) / np.maximum(known.sum(axis=0), 1), 0.0)
    blank = (~known).astype(np.float64)
    blank -= blank.mean(axis=0)
    best = _explained(blank, np.ones_like(known), targets)
    return np.maximum(best, np.where(enough, _explained(values, known, targets), 0.0))


def _explained(
    values: NDArray[np.float64], known: NDArray[np.bool_], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(M,): the largest squared correlation, over the rows where a value is known."""
    weight = known.astype(np.float64)
    count = np.maximum(weight.sum(axis=0), 1)[:, None]
    mean = weight.T @ targets / count
    spread = weight.T @ targets**2 / count - mean**2
    together = values.T @ targets / count  # values are centred where they are known, and 0 elsewhere
    own = (values**2).sum(axis=0)[:, None] / count
    with np.errstate(divide="ignore", invalid="ignore"):
        squared = np.where((own > 0) & (spread > 1e-12), together**2 / (own * spread), 0.0)
    best: NDArray[np.float64] = squared.max(axis=1, initial=0.0)
    return best


def _by_level(ids: NDArray[np.int32], targets: NDArray[np.float64]) -> float:
    """The share of the targets' variance between levels."""
    counts = np.maximum(np.bincount(ids), 1)
    between = sum((np.bincount(ids, weights=target) ** 2 / counts).sum() for target in targets.T)
    total = float((targets**2).sum())
    return float(between) / total if total > 0 else 0.0
