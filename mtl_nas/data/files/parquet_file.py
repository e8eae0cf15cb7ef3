"""Parquet: a file, or a folder of files with the partitions that its folders name."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as pads
from pyarrow import types

from mtl_nas.data.files.table_file import TableFile
from mtl_nas.errors import DataError

SUFFIXES = (".parquet", ".pq")
UNITS = ("s", "ms", "us", "ns")  # of times, the coarsest first
UNBUFFERED = pads.ParquetFragmentScanOptions(pre_buffer=False)  # a buffer would hold a file until its end


class ParquetFile(TableFile):
    """The columns of every file of a folder; where files give a column other types, the type that holds them all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _parquet_errors(path):
            partitions = pads.HivePartitioning.discover(infer_dictionary=True)
            self._data = pads.dataset(path, format="parquet", partitioning=partitions)
            schemas = [fragment.physical_schema for fragment in self._data.get_fragments()]
            schema = _common_schema([self._data.schema, *schemas])
            if schema != self._data.schema:
                parts = self._data.partitioning
                self._data = pads.dataset(path, format="parquet", partitioning=parts, schema=schema)
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


def _common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of every schema, each with a type that holds the values of all of them; text holds any value."""
    types_of: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types_of.setdefault(field.name, []).append(field.type)
    fields = [pa.field(name, _common_type(kinds)) for name, kinds in types_of.items()]
    return pa.schema(fields, metadata=schemas[0].metadata)


def _common_type(kinds: Sequence[pa.DataType]) -> pa.DataType:
    kinds = list(dict.fromkeys(kinds))
    if len(kinds) == 1:
        return kinds[0]
    kinds = [kind.value_type if types.is_dictionary(kind) else kind for kind in kinds if not types.is_null(kind)]
    if any(map(types.is_timestamp, kinds)) and all(types.is_timestamp(kind) or types.is_date(kind) for kind in kinds):
        zoned = any(types.is_timestamp(kind) and kind.tz is not None for kind in kinds)
        units = {kind.unit for kind in kinds if types.is_timestamp(kind)}
        return pa.timestamp(max(units, key=UNITS.index), "UTC" if zoned else None)
    if all(types.is_list(kind) or types.is_large_list(kind) for kind in kinds):
        return pa.large_list(_common_type([kind.value_type for kind in kinds]))
    try:
        one_column = [pa.schema([("column", kind)]) for kind in kinds]
        return pa.unify_schemas(one_column, promote_options="permissive").field(0).type
    except pa.ArrowTypeError:
        return pa.large_string()


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
