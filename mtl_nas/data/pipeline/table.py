"""Tables as batches of consecutive rows."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pandas as pd

from mtl_nas.data.parsing.lists import ListColumn, read_lists
from mtl_nas.errors import DataError

ROW = re.compile(r"\brow (\d+)(?= (?:holds|has)\b|;)")


class TableBatch:
    """Consecutive rows of a table."""

    def __init__(self, first: int, frame: pd.DataFrame) -> None:
        """``first``: the number of the first row within the table, from 0."""
        self.first, self.frame = first, frame
        self._lists: dict[str, ListColumn] = {}

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def rows(self) -> slice:
        """Numbers of the rows within the table."""
        return slice(self.first, self.first + len(self))

    def lists(self, columns: Sequence[str]) -> dict[str, ListColumn]:
        """List columns, which are read once."""
        for column in columns:
            if column not in self._lists:
                self._lists[column] = read_lists(self.frame[column])
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
    def sample(self) -> pd.DataFrame:
        """The first rows, from which the kinds of columns are inferred."""

    @property
    @abstractmethod
    def test_rows(self) -> int:
        """Number of last rows that were read from a table of test rows."""


class FrameTable(Table):
    """A table in memory: one batch."""

    def __init__(self, frame: pd.DataFrame, *, test_rows: int = 0) -> None:
        self.columns = list(frame.columns)
        self._batch = TableBatch(0, frame.reset_index(drop=True))
        self._test_rows = test_rows

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[TableBatch]:
        if len(self._batch):
            yield self._batch

    @property
    def sample(self) -> pd.DataFrame:
        return self._batch.frame

    @property
    def test_rows(self) -> int:
        return self._test_rows
