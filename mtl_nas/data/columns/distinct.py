"""The different values among the first rows of a column."""

from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.raw import RawColumn

COUNTED_ROWS = 2**14  # rows whose different values are counted
FIRST_ROWS = 2**12  # rows that show that a column holds many numbers which are not whole
MOST_NUMBERS = 1_000  # different numbers that are not whole, with more of which none are counted
SAMPLE = 200  # different values that are kept as text


class DistinctValues:
    """The number of different values in the first rows, and the first of these values as text."""

    def __init__(self) -> None:
        self.sample: list[str] = []
        self.rows = 0  # counted rows with a value
        self.every_row = True  # no row was left uncounted
        self._whole = True
        self._hashes: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def add(self, column: RawColumn, first: int) -> None:
        """Add further rows, of which ``first`` is the number within the table."""
        self.every_row = self.every_row and first + len(column) <= COUNTED_ROWS
        for start, stop in ((0, FIRST_ROWS), (FIRST_ROWS, COUNTED_ROWS)):  # where batches are cut changes nothing
            begin, end = max(start - first, 0), min(stop - first, len(column))
            if begin < end and (start == 0 or not self._many_numbers):
                self._add(column.take(slice(begin, end)))

    def _add(self, column: RawColumn) -> None:
        values = column.values
        if column.type in ("list", "other", "none"):
            present = values.drop_null().slice(0, 3).to_pylist()
            self.sample = [*self.sample, *(", ".join(map(str, items)) for items in present)][:3]
            return
        if types.is_floating(values.type):
            values = pc.if_else(pc.is_nan(values), None, values)
        self.rows += len(values) - values.null_count
        distinct = values.unique().drop_null()
        self._add_to_sample(distinct)
        if column.type == "number" and not types.is_decimal(values.type):
            numbers = distinct.cast("float64", safe=False).to_numpy(zero_copy_only=False)
            self._whole = self._whole and bool((numbers % 1 == 0).all())
            hashes = (distinct if types.is_integer(values.type) else distinct.cast("float64")).to_numpy(
                zero_copy_only=False
            )
            self._add_hashes(hashes.view(np.int64))
        else:
            self._add_hashes(np.fromiter(map(hash, distinct.to_pylist()), np.int64, len(distinct)))

    @property
    def count(self) -> int:
        """Number of different values; ``capped`` says that there may be more."""
        return len(self._hashes) if self._whole else min(len(self._hashes), MOST_NUMBERS)

    @property
    def capped(self) -> bool:
        """Whether not all different values are counted."""
        return not self.every_row or self._many_numbers

    @property
    def _many_numbers(self) -> bool:
        return not self._whole and len(self._hashes) >= MOST_NUMBERS

    @property
    def repeats(self) -> float:
        """Rows per different value, among the counted ones; 1 where every value occurs once."""
        return self.rows / max(len(self._hashes), 1)

    def _add_to_sample(self, distinct: Any) -> None:
        if len(self.sample) < SAMPLE:
            words = list(map(levels.text, distinct.slice(0, SAMPLE).to_pylist()))
            self.sample = list(dict.fromkeys([*self.sample, *words]))[:SAMPLE]

    def _add_hashes(self, hashes: NDArray[np.int64]) -> None:
        if self._whole or len(self._hashes) < MOST_NUMBERS:
            self._hashes = np.unique(np.concatenate([self._hashes, hashes]))
