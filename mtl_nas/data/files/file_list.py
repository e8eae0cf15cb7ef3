"""Several files as one table."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from mtl_nas.data.files.common_types import common_schema
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated


class FileList(TableFile):
    """The rows of files, one below the other, with columns by name; a column that a file lacks is missing there.

    Where files give a column other types, it has the type that holds them all. Text tables are not united with tables
    whose values have types.
    """

    def __init__(self, files: Sequence[TableFile]) -> None:
        self.name = f"{files[0].name} and {len(files) - 1:,} more"
        self._files = files
        repeated = first_repeated(file.name for file in files)
        if repeated is not None:
            raise DataError(f"the list of files names '{repeated}' twice")
        self.typed = files[0].typed
        for file in files:
            if file.typed != self.typed:
                text, other = (file, files[0]) if self.typed else (files[0], file)
                raise DataError(
                    f"'{text.name}' holds text and '{other.name}' typed values; the files of one table are all CSV or "
                    "TSV, or all Parquet, JSON lines or Excel"
                )
        self.schema = common_schema([file.schema for file in files]).remove_metadata()

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        wanted = pa.schema([self.schema.field(name) for name in (self.columns if columns is None else columns)])
        for file in self._files:
            present = [name for name in wanted.names if name in file.columns]
            for part in file.batches(present or file.columns[:1], rows):
                yield pa.table([_conformed(file, part, field) for field in wanted], schema=wanted)


def _conformed(file: TableFile, part: pa.Table, field: pa.Field) -> pa.ChunkedArray | pa.Array:
    """A column of a file with the type that it has in the list."""
    if field.name not in file.columns:
        return pa.nulls(len(part), field.type)
    values = part.column(field.name)
    try:
        return values if values.type == field.type else values.cast(field.type)
    except pa.ArrowException as problem:
        raise DataError(
            f"column '{field.name}' of '{file.name}' cannot be {field.type}, which it is in other files of the table: "
            f"{str(problem).splitlines()[0]}"
        ) from None
