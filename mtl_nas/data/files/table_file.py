"""The contract of a table on disk."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import pyarrow as pa


class TableFile(ABC):
    """A table on disk that is read in batches, as often as needed."""

    name: str  # as messages name it
    schema: pa.Schema  # the columns, and the types of the format
    typed = True  # values have types; False: all of them are text

    @property
    def columns(self) -> list[str]:
        """Names of the columns in their order."""
        return list(self.schema.names)

    @abstractmethod
    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        """The rows in their order, these columns alone, and at most so many rows at once."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows."""
        parts = list(self.batches(columns))
        if parts:
            return pa.concat_tables(parts)
        wanted = self.columns if columns is None else columns
        return pa.schema([self.schema.field(name) for name in wanted]).empty_table()


class HeldTable(TableFile):
    """A table of a format that cannot be read in parts: it is read once, and held in memory."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.name, self.schema, self._table = name, table.schema, table

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        table = self._table if columns is None else self._table.select(list(columns))
        for start in range(0, len(table), rows or max(1, len(table))):
            yield table.slice(start, rows)
