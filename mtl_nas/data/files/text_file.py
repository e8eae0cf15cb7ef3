"""Text tables: fields between separators, all of them read as text."""

import codecs
import csv
import io
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from mtl_nas.data.files.location import Location
from mtl_nas.data.files.table_file import TableFile
from mtl_nas.data.parsing.levels import NUMBER
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
BLOCK = 2**24  # bytes that are parsed at once; a row is shorter


class TextFile(TableFile):
    """CSV or TSV whose first line names the columns; an empty field is missing, and nothing else is."""

    typed = False

    def __init__(self, location: Location) -> None:
        path = self.name = location.text
        self._location, self._separator = location, SEPARATORS[location.suffix]
        with text_errors(path):
            header, first = self._first_lines()
            if not header:
                raise DataError(f"'{path}' is an empty table")
            _refuse_data_as_names(path, header)
            repeated = first_repeated(name for name in header if name)
            if repeated is not None:
                raise DataError(f"'{path}' has two columns named '{repeated}'")
            _refuse_other_separator(path, header, self._separator)
            self._names = [name or f"Unnamed: {index}" for index, name in enumerate(header)]
            self.schema = pa.schema(dict.fromkeys(self._names, pa.large_string()))
            self._ends_in_separator = len(first) == len(header) + 1 and not first[-1]
            if self._ends_in_separator:
                self._names.append(f"Unnamed: {len(header)}")

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        options = self._options(self.columns if columns is None else columns)
        with text_errors(self.name), self._location.open() as stream:
            if rows is None:
                yield self._without_last_separator(pacsv.read_csv(stream, **options))
                return
            for batch in pacsv.open_csv(stream, **options):
                table = self._without_last_separator(pa.Table.from_batches([batch]))
                for start in range(0, len(table), rows):
                    yield table.slice(start, rows)

    def _options(self, columns: Sequence[str]) -> dict[str, Any]:
        last = self._names[len(self.columns) :]
        return {
            "read_options": pacsv.ReadOptions(column_names=self._names, skip_rows_after_names=1, block_size=BLOCK),
            "parse_options": pacsv.ParseOptions(delimiter=self._separator, newlines_in_values=True),
            "convert_options": pacsv.ConvertOptions(
                column_types=dict.fromkeys(self._names, pa.large_string()),
                include_columns=[*columns, *last],
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        }

    def _without_last_separator(self, table: pa.Table) -> pa.Table:
        if not self._ends_in_separator:
            return table
        last = table.column(table.num_columns - 1)
        if last.null_count < len(last):
            raise DataError(
                f"'{self.name}' has rows with {len(self._names)} fields, but names {len(self.columns)} columns"
            )
        return table.remove_column(table.num_columns - 1)

    def _first_lines(self) -> tuple[list[str], list[str]]:
        """The fields of the first two lines."""
        with self._location.open() as stream:
            start = codecs.getincrementaldecoder("utf-8-sig")().decode(stream.read(BLOCK))
        lines = csv.reader(io.StringIO(start, newline=""), delimiter=self._separator)
        return next(lines, []), next((line for line in lines if line), [])


def _refuse_data_as_names(path: str, header: list[str]) -> None:
    """Raise DataError where the first line holds numbers; a frame without names writes 0, 1, 2, ..."""
    numbers = [name for name in header if name]
    if numbers and all(map(NUMBER.fullmatch, numbers)) and numbers != list(map(str, range(len(numbers)))):
        shown = ", ".join(header[:5]) + (" ..." if len(header) > 5 else "")
        raise DataError(f"'{path}' has no header: its first line holds values ({shown}); add a line of column names")


def _refuse_other_separator(path: str, header: list[str], separator: str) -> None:
    """Raise DataError where the one column of a table has the name of several."""
    if len(header) == 1 and any(mark in header[0] for mark in (*SEPARATORS.values(), ";", "|")):
        raise DataError(f"'{path}' has one column, {header[0][:40]!r}; save it with {separator!r} between its columns")


@contextmanager
def text_errors(path: str) -> Iterator[None]:
    """Turn errors of reading text, also of JSON lines, into DataErrors of one line."""
    try:
        yield
    except UnicodeError:
        raise DataError(f"'{path}' is not UTF-8 text; save it as UTF-8") from None
    except csv.Error as problem:
        raise DataError(f"'{path}' is no table: {problem}") from None
    except (pa.ArrowException, lzma.LZMAError, EOFError) as problem:
        reason = (str(problem).splitlines() or ["it ends early"])[0]
        if "invalid UTF8" in reason:
            raise DataError(f"'{path}' is not UTF-8 text; save it as UTF-8") from None
        raise DataError(f"'{path}' is no table: {reason}") from None
    except IsADirectoryError:
        raise DataError(f"'{path}' is a folder") from None
    except OSError as problem:
        if problem.errno is not None:
            raise
        raise DataError(f"'{path}' cannot be unpacked: {str(problem).splitlines()[0]}") from None
