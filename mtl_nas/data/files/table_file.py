"""The contract of a table on disk."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa


class TableFile(ABC):
    """A table on disk that is read in batches, as often as needed."""

    path: Path
    columns: list[str]

    @abstractmethod
    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        """The rows in their order, these columns alone, and at most so many rows at once."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        parts = list(self.batches(columns))
        if parts:
            return pa.concat_tables(parts)
        return pa.table({name: pa.array([], pa.large_string()) for name in columns or self.columns})
