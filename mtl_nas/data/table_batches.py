"""A table on disk in batches of equal numbers of rows, for tables larger than memory that are scored."""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from mtl_nas.data.files.formats import open_table
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.source import table_source


class TableBatches:
    """The rows of a table on disk, in their order; memory is that of a few batches.

    Args:
        source: a path, a list of paths or a mapping with a query, as for ``load_dataset``.
    """

    def __init__(self, source: Any) -> None:
        self._file = open_table(table_source(source))
        self.columns = self._file.columns

    def read(self, columns: Sequence[str], rows: int) -> Iterator[TableBatch]:
        """Batches of exactly so many rows, but for the last; one batch without a row for a table without rows."""
        schema = pa.schema([self._file.schema.field(name) for name in columns]).remove_metadata()
        first, pending = 0, schema.empty_table()
        for part in self._file.batches(columns, rows):
            pending = pa.concat_tables([pending, part.replace_schema_metadata()])
            while len(pending) >= rows:
                yield TableBatch(first, RawTable.of(pending.slice(0, rows)))
                first, pending = first + rows, pending.slice(rows)
        if len(pending) or not first:
            yield TableBatch(first, RawTable.of(pending))
