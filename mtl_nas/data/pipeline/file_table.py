"""Tables on disk, read in batches."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset
from pandas.api import types

from mtl_nas.data.columns.encoding import with_text_names
from mtl_nas.data.parsing.tables import (
    parquet_errors,
    refuse_one_column,
    refuse_repeated_names,
    separator,
    text_errors,
)
from mtl_nas.data.pipeline.table import Table, TableBatch
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

CELLS = 2**23  # cells of a batch: rows times columns
SAMPLE = 100_000  # first rows, from which kinds are inferred
QUANTILE_ROWS = 1_000_000  # train rows whose numbers are kept for quantiles; of more rows a random sample
UNBUFFERED = pyarrow.dataset.ParquetFragmentScanOptions(pre_buffer=False)  # a buffer would hold a file until its end


class FileTable(Table):
    """A table on disk and, below its rows, those of a table of test rows with the same columns."""

    def __init__(
        self, path: str, test_path: str | None = None, *, ignore: Sequence[str] = (), cells: int = CELLS
    ) -> None:
        self.path, self._cells = path, cells
        self.quantile_rows = QUANTILE_ROWS
        self._files = [_open(Path(part).expanduser()) for part in (path, test_path) if part is not None]
        self.columns = self._files[0].columns
        if test_path is not None:
            refuse_other_test_columns(test_path, self.columns, self._files[1].columns, ignore)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[TableBatch]:
        wanted = [name for name in self.columns if columns is None or name in set(columns)]
        rows = max(1, self._cells // max(len(wanted), 8))
        first = 0
        for file in self._files:
            present = [name for name in wanted if name in file.columns]
            for part in file.frames(present, rows):
                frame = with_text_names(part).reset_index(drop=True)
                yield TableBatch(first, frame if present == wanted else frame.reindex(columns=wanted))
                first += len(part)

    @cached_property
    def sample(self) -> pd.DataFrame:
        frames: list[pd.DataFrame] = []
        for batch in self.batches():
            frames.append(batch.frame.head(SAMPLE - batch.first))
            if batch.rows.stop >= SAMPLE:
                break
        if not frames:
            raise DataError(f"'{self.path}' is an empty table")
        return pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]

    @cached_property
    def test_rows(self) -> int:
        return sum(len(part) for file in self._files[1:] for part in file.frames(file.columns[:1], self._cells))


def refuse_other_test_columns(
    path: str, columns: Sequence[str], test_columns: Sequence[str], ignore: Sequence[str]
) -> None:
    """Raise DataError where a table of test rows lacks a column of the table."""
    missing = [name for name in columns if name not in test_columns and name not in ignore]
    if missing:
        raise DataError(f"the test table '{path}' lacks the column '{missing[0]}'{nearest(missing[0], test_columns)}")


class _ParquetFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        with parquet_errors(path):
            partitions = pyarrow.dataset.HivePartitioning.discover(infer_dictionary=True)
            self._data = pyarrow.dataset.dataset(path, format="parquet", partitioning=partitions)
            names = self._data.schema.empty_table().to_pandas().columns
        self.columns = [str(name) for name in names]
        refuse_one_column(path, list(names))

    def frames(self, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """The rows of the file, at most so many at once."""
        with parquet_errors(self._path):
            ahead = {"batch_readahead": 1, "fragment_readahead": 1, "fragment_scan_options": UNBUFFERED}
            for batch in self._data.to_batches(columns=list(columns), batch_size=rows, **ahead):
                if len(batch):
                    yield pyarrow.Table.from_batches([batch]).to_pandas()


class _TextFile:
    def __init__(self, path: Path, separator: str) -> None:
        self._path, self._separator = path, separator
        with text_errors(path):
            refuse_repeated_names(path, separator)
            first = self._read(nrows=SAMPLE)
        self.columns = [str(name) for name in first.columns]
        refuse_one_column(path, list(first.columns))
        words = [name for name in first.columns if types.is_string_dtype(first[name]) and first[name].notna().any()]
        self._words = dict.fromkeys(words, str)  # text stays text in a batch that spells numbers alone

    def frames(self, columns: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
        """The rows of the file, at most so many at once."""
        with text_errors(self._path), self._read(usecols=list(columns), chunksize=rows, dtype=self._words) as parts:
            yield from parts

    def _read(self, **options: Any) -> Any:
        return pd.read_csv(self._path, sep=self._separator, low_memory=False, encoding="utf-8-sig", **options)


def _open(path: Path) -> _ParquetFile | _TextFile:
    mark = separator(path)
    return _ParquetFile(path) if mark is None else _TextFile(path, mark)
