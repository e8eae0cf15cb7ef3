"""Parquet: a file, or a folder of files with the partitions that its folders name."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads

from mtl_nas.data.files.table_file import TableFile
from mtl_nas.errors import DataError

SUFFIXES = (".parquet", ".pq")
UNBUFFERED = pads.ParquetFragmentScanOptions(pre_buffer=False)  # a buffer would hold a file until its end


class ParquetFile(TableFile):
    """The columns of every file of a folder; where files give a column other types, the type that holds them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _parquet_errors(path):
            partitions = pads.HivePartitioning.discover(infer_dictionary=True)
            self._data = pads.dataset(path, format="parquet", partitioning=partitions)
            schemas = [fragment.physical_schema for fragment in self._data.get_fragments()]
            schema = pa.unify_schemas([*schemas, self._data.schema], promote_options="permissive")
            if schema != self._data.schema:
                self._data = pads.dataset(path, schema=schema, format="parquet", partitioning=partitions)
            self.columns = [name for name in schema.names if name not in _pandas_index(schema)]

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        wanted = self.columns if columns is None else list(columns)
        with _parquet_errors(self.path):
            if rows is None:
                yield self._data.to_table(columns=wanted)
                return
            ahead = {"batch_readahead": 1, "fragment_readahead": 1, "fragment_scan_options": UNBUFFERED}
            for batch in self._data.to_batches(columns=wanted, batch_size=rows, **ahead):
                if len(batch):
                    yield pa.Table.from_batches([batch])


def _pandas_index(schema: pa.Schema) -> set[str]:
    """Columns that pandas wrote as the index of a frame."""
    metadata = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
    return {name for name in metadata.get("index_columns", ()) if isinstance(name, str)}


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading Parquet into DataErrors of one line."""
    if path.is_dir() and not any(file.suffix.lower() in SUFFIXES for file in path.rglob("*")):
        raise DataError(f"folder '{path}' holds no Parquet file")
    try:
        yield
    except (pa.ArrowException, OSError) as problem:
        raise DataError(f"'{path}' is not Parquet: {str(problem).splitlines()[0]}") from None
