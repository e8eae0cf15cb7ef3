"""Tables read a batch at a time, as often as need be."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset
from pandas.api import types

from mtl_nas.data.columns.encoding import named
from mtl_nas.data.parsing.tables import parquet, readable, refuse_one_column, refuse_repeated_names, separator
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

CELLS = 2**23  # of a batch: rows times columns
SAMPLE = 100_000  # first rows, from which kinds are inferred
FREED = pyarrow.dataset.ParquetFragmentScanOptions(pre_buffer=False)  # else what was read stays until a file ends
ROW = re.compile(r"\brow (\d+)(?= (?:holds|has)\b|;)")


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a table, the first of them with its number, from 0."""

    first: int
    frame: pd.DataFrame


class Batches:
    """A table on disk and, below its rows, those of a second one with the same columns."""

    def __init__(self, path: str, below: str | None = None, *, ignore: Sequence[str] = (), cells: int = CELLS) -> None:
        self.path, self._cells = path, cells
        self._files = [_file(Path(one).expanduser()) for one in (path, below) if one is not None]
        self.columns = self._files[0].columns
        if below is not None:
            there = self._files[1].columns
            missing = [name for name in self.columns if name not in there and name not in ignore]
            if missing:
                hint = nearest(missing[0], there)
                raise DataError(f"the test table '{below}' lacks the column '{missing[0]}'{hint}")

    def __call__(self, columns: Sequence[str] | None = None) -> Iterator[Batch]:
        """The table from its first row on, those columns of it."""
        wanted = [name for name in self.columns if columns is None or name in set(columns)]
        rows = max(1, self._cells // max(len(wanted), 8))
        first = 0
        for file in self._files:
            held = [name for name in wanted if name in file.columns]
            for frame in file.frames(held, rows):
                found = named(frame).reset_index(drop=True)
                yield Batch(first, found if held == wanted else found.reindex(columns=wanted))
                first += len(frame)

    @cached_property
    def sample(self) -> pd.DataFrame:
        """The first rows."""
        found: list[pd.DataFrame] = []
        for batch in self():
            found.append(batch.frame.head(SAMPLE - batch.first))
            if batch.first + len(batch.frame) >= SAMPLE:
                break
        if not found:
            raise DataError(f"'{self.path}' is an empty table")
        return pd.concat(found, ignore_index=True) if len(found) > 1 else found[0]

    def rows_below(self) -> int:
        """How many rows the second table has."""
        return sum(len(frame) for frame in self._files[1].frames(self._files[1].columns[:1], self._cells))


@contextmanager
def numbered(first: int) -> Iterator[None]:
    """Rows that an error names count from the beginning of the table, not of the batch."""
    try:
        yield
    except DataError as problem:
        raise DataError(ROW.sub(lambda found: f"row {int(found[1]) + first}", str(problem), count=1)) from None


class _Parquet:
    def __init__(self, path: Path) -> None:
        self._path = path
        with parquet(path):
            parts = pyarrow.dataset.HivePartitioning.discover(infer_dictionary=True)
            self._data = pyarrow.dataset.dataset(path, format="parquet", partitioning=parts)
            names = self._data.schema.empty_table().to_pandas().columns
        self.columns = [str(name) for name in names]
        refuse_one_column(path, list(names))

    def frames(self, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """At most so many rows at once."""
        with parquet(self._path):
            ahead = {"batch_readahead": 1, "fragment_readahead": 1, "fragment_scan_options": FREED}
            for batch in self._data.to_batches(columns=list(columns), batch_size=rows, **ahead):
                if len(batch):
                    yield pyarrow.Table.from_batches([batch]).to_pandas()


class _Text:
    def __init__(self, path: Path, mark: str) -> None:
        self._path, self._mark = path, mark
        with readable(path):
            refuse_repeated_names(path, mark)
            first = self._read(nrows=SAMPLE)
        self.columns = [str(name) for name in first.columns]
        refuse_one_column(path, list(first.columns))
        words = [name for name in first.columns if types.is_string_dtype(first[name]) and first[name].notna().any()]
        self._words = dict.fromkeys(words, str)  # text stays text where a batch spells numbers alone

    def frames(self, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """At most so many rows at once."""
        with readable(self._path), self._read(usecols=list(columns), chunksize=rows, dtype=self._words) as parts:
            yield from parts

    def _read(self, **options: Any) -> Any:
        return pd.read_csv(self._path, sep=self._mark, low_memory=False, encoding="utf-8-sig", **options)


def _file(path: Path) -> _Parquet | _Text:
    mark = separator(path)
    return _Parquet(path) if mark is None else _Text(path, mark)
