"""Tables on disk, read in batches."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from mtl_nas.data.files.formats import open_table
from mtl_nas.data.parsing.levels import without_marks
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.pipeline.table import Table, TableBatch
from mtl_nas.data.source import Query, table_name
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

CELLS = 2**23  # cells of a batch: rows times columns
QUANTILE_ROWS = 1_000_000  # train rows whose numbers are kept for quantiles; of more rows a random sample


class FileTable(Table):
    """A table on disk and, below its rows, those of a table of test rows with the same columns."""

    def __init__(
        self,
        source: str | tuple[str, ...] | Query,
        test: str | tuple[str, ...] | Query | None = None,
        *,
        ignore: Sequence[str] = (),
        missing: Mapping[str, Sequence[str]] | None = None,
        cells: int = CELLS,
    ) -> None:
        self._cells, self._missing = cells, missing or {}
        self.quantile_rows = QUANTILE_ROWS
        self._files = [open_table(source, key="data.table")]
        self.columns = self._files[0].columns
        if test is not None:
            self._files.append(open_table(test, key="data.split.test"))
            refuse_other_test_columns(test, self.columns, self._files[1].columns, ignore)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[TableBatch]:
        wanted = [name for name in self.columns if columns is None or name in set(columns)]
        rows = max(1, self._cells // max(len(wanted), 8))
        first = 0
        for file in self._files:
            present = [name for name in wanted if name in file.columns]
            for part in file.batches(present, rows):
                table = without_marks(RawTable.of(part), self._missing)
                yield TableBatch(first, table)
                first += len(table)
        if not first:
            raise DataError(f"'{self._files[0].name}' is an empty table")

    @cached_property
    def test_rows(self) -> int:
        return sum(len(part) for file in self._files[1:] for part in file.batches(file.columns[:1], self._cells))


def refuse_other_test_columns(
    source: str | tuple[str, ...] | Query, columns: Sequence[str], test_columns: Sequence[str], ignore: Sequence[str]
) -> None:
    """Raise DataError where a table of test rows lacks a column of the table."""
    missing = [name for name in columns if name not in test_columns and name not in ignore]
    if missing:
        name = source if isinstance(source, str) else table_name(source)
        raise DataError(f"the test table '{name}' lacks the column '{missing[0]}'{nearest(missing[0], test_columns)}")
