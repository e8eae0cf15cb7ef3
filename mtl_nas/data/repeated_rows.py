"""Test rows that train rows repeat."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError

HASHED_ROWS = 2**18  # rows that are hashed at once
COMPARED_ROWS = 2**22  # rows that are compared; of a larger table the rows with the same share of hashes
MOST_REPEATED = 0.1  # of the test rows, beyond the share of validation rows that chance repeats
GOLDEN = 0x9E3779B97F4A7C15

Hashes = NDArray[np.uint64]


def repeated_row_notes(encoded: Mapping[str, Rows]) -> list[str]:
    """A note where many test rows have the features and labels of train rows; validation rows may be left out.

    Raises DataError where the test rows are all other rows, whatever their order: the two tables are one.
    """
    every = max(1, -(-sum(map(len, encoded.values())) // COMPARED_ROWS))
    sums, hashes = {}, {}
    for split, rows in encoded.items():
        blocks = list(_compared(rows, every))
        sums[split] = sum(total for total, _ in blocks)
        hashes[split] = np.concatenate([kept for _, kept in blocks]) if blocks else np.empty(0, dtype=np.uint64)
    others = sum(len(rows) for split, rows in encoded.items() if split != "test")
    if len(encoded["test"]) == others and (sum(sums.values()) - 2 * sums["test"]) % 2**64 == 0:
        raise DataError(
            "the table of test rows holds the rows of the table itself; give other rows as split: {test: ...}"
        )
    test, by_chance = _share(hashes["test"], hashes["train"]), 0.0
    if "validation" in hashes:
        by_chance = _share(hashes["validation"], hashes["train"])
    if test - by_chance <= MOST_REPEATED:
        return []
    return [f"{test:.0%} of the test rows are train rows too, equal in every feature and label"]


def _share(hashes: Hashes, others: Hashes) -> float:
    return float(np.isin(hashes, others).mean()) if len(hashes) else 0.0


def _compared(rows: Rows, every: int) -> Iterator[tuple[int, Hashes]]:
    """Per block of rows the sum of their hashes, and the hashes that are compared."""
    for start in range(0, len(rows), HASHED_ROWS):
        hashes = _hashes(rows.take(slice(start, start + HASHED_ROWS)))
        yield int(hashes.sum(dtype=np.uint64)), hashes[hashes % np.uint64(every) == 0]


def _hashes(rows: Rows) -> Hashes:
    """A number per row, (N,), of its features and labels."""
    hashes = np.zeros(len(rows), dtype=np.uint64)
    for name, array in rows.arrays():
        if name == "weights":
            continue
        for column in array.reshape(len(rows), -1).T:
            hashes = _mixed(hashes + np.uint64(GOLDEN) + _bits(column))
    return hashes


def _bits(column: NDArray[Any]) -> Hashes:
    if column.dtype.kind in "iu":
        return column.astype(np.uint64)
    present = np.where(np.isnan(column), np.nan, column).astype(np.float64)  # one NaN of many
    return present.view(np.uint64)


def _mixed(numbers: Hashes) -> Hashes:
    """splitmix64."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Hashes = numbers ^ (numbers >> np.uint64(31))
    return mixed
