"""Tables as batches of consecutive rows."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mtl_nas.data.parsing.lists import ListColumn, read_lists
from mtl_nas.data.parsing.raw import RawColumn, RawTable
from mtl_nas.errors import DataError

ROW = re.compile(r"\brow (\d+)(?= (?:holds|has)\b|;)")


class TableBatch:
    """Consecutive rows of a table."""

    def __init__(self, first: int, table: RawTable) -> None:
        """``first``: the number of the first row within the table, from 0."""
        self.first, self.table = first, table
        self._lists: dict[str, ListColumn] = {}

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, name: str) -> RawColumn:
        return self.table[name]

    @property
    def rows(self) -> slice:
        """Numbers of the rows within the table."""
        return slice(self.first, self.first + len(self))

    def lists(self, columns: Sequence[str]) -> dict[str, ListColumn]:
        """List columns, which are read once."""
        for column in columns:
            if column not in self._lists:
                self._lists[column] = read_lists(self.table[column])
        return {column: self._lists[column] for column in columns}

    @contextmanager
    def numbered(self) -> Iterator[None]:
        """Errors inside name rows by their numbers within the table, not within the batch."""
        try:
            yield
        except DataError as problem:
            raise DataError(ROW.sub(lambda match: f"row {int(match[1]) + self.first}", str(problem), count=1)) from None


class Table(ABC):
    """A table that is read in batches, as often as needed."""

    columns: list[str]
    quantile_rows: int | None = None  # train rows whose numbers are kept for quantiles; None: all of them

    @abstractmethod
    def batches(self, columns: Sequence[str] | None = None) -> Iterator[TableBatch]:
        """The rows from the first on, with at least these columns."""

    @property
    @abstractmethod
    def test_rows(self) -> int:
        """Number of last rows that were read from a table of test rows."""


class FrameTable(Table):
    """A table in memory and, below its rows, those of a table of test rows with the same columns: one batch each."""

    def __init__(self, rows: RawTable, test: RawTable | None = None) -> None:
        self.columns = rows.names
        parts = [part.take(slice(None)) for part in (rows, test) if part is not None]  # what they cache ends with them
        self._batches = [TableBatch(first, part) for first, part in zip((0, len(rows)), parts, strict=False)]

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[TableBatch]:
        return (batch for batch in self._batches if len(batch))

    @property
    def test_rows(self) -> int:
        return sum(map(len, self._batches[1:]))
