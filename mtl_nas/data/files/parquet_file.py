"""Parquet: a file, or a folder of files with the partitions that its folders name."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.fs as pafs

from mtl_nas.data.files.common_types import common_schema
from mtl_nas.data.files.location import Location
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.errors import DataError

SUFFIXES = (".parquet", ".pq")
UNBUFFERED = pads.ParquetFragmentScanOptions(pre_buffer=False)  # a buffer would hold a file until its end


class ParquetFile(TableFile):
    """The columns of every file of a folder; where files give a column other types, the type that holds them all."""

    def __init__(self, location: Location) -> None:
        self.name, self._location = location.text, location
        with _parquet_errors(location):
            _refuse_folder_of_others(location)
            partitions = pads.HivePartitioning.discover(infer_dictionary=True)
            path, filesystem = location.path, location.filesystem
            self._data = pads.dataset(path, filesystem=filesystem, format="parquet", partitioning=partitions)
            schemas = [fragment.physical_schema for fragment in self._data.get_fragments()]
            schema = common_schema([self._data.schema, *schemas])
            self._converted = schema != self._data.schema
            if self._converted:
                parts = self._data.partitioning
                self._data = pads.dataset(
                    path, filesystem=filesystem, format="parquet", partitioning=parts, schema=schema
                )
            self.schema = pa.schema([field for field in schema if field.name not in _pandas_index(schema)])

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        wanted = self.columns if columns is None else list(columns)
        with _parquet_errors(self._location, converted=self._converted):
            if rows is None:
                yield self._data.to_table(columns=wanted)
                return
            ahead = {"batch_readahead": 1, "fragment_readahead": 1, "fragment_scan_options": UNBUFFERED}
            for batch in self._data.to_batches(columns=wanted, batch_size=rows, **ahead):
                if len(batch):
                    yield pa.Table.from_batches([batch])


def _pandas_index(schema: pa.Schema) -> set[str]:
    """Columns that pandas wrote as the index of a frame."""
    try:
        metadata = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    except (ValueError, RecursionError):  # damaged, and of use to pandas alone
        return set()
    names = metadata.get("index_columns") if isinstance(metadata, dict) else None
    return {name for name in names if isinstance(name, str)} if isinstance(names, list) else set()


def _refuse_folder_of_others(location: Location) -> None:
    """Raise DataError where a folder holds no Parquet file."""
    if location.kind != pafs.FileType.Directory:
        return
    entries = location.filesystem.get_file_info(pafs.FileSelector(location.path, recursive=True))
    if not any(entry.path.lower().endswith(SUFFIXES) for entry in entries):
        raise DataError(
            f"folder '{location.text}' holds no Parquet file; for files of another format give a pattern, such as "
            f"'{location.text.rstrip('/')}/*.csv'"
        )


@contextmanager
def _parquet_errors(location: Location, *, converted: bool = False) -> Iterator[None]:
    """Turn errors of reading Parquet into DataErrors of one line; ``converted``: files of several types are joined."""
    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        reason = str(problem).splitlines()[0]
        if converted and isinstance(problem, pa.ArrowInvalid):
            raise DataError(
                f"the files of '{location.text}' give a column types that no common type holds: {reason}; write that "
                "column with one type in every file"
            ) from None
        raise DataError(f"'{location.text}' is not Parquet: {reason}") from None
