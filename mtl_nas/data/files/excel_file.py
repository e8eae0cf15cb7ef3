"""Excel: the first sheet of a workbook."""

import warnings
import zipfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from mtl_nas.data.files.location import Location
from mtl_nas.data.files.table_file import HeldTable
from mtl_nas.data.parsing.frames import object_array
from mtl_nas.data.parsing.raw import refuse_repeated
from mtl_nas.errors import DataError

SUFFIXES = (".xlsx", ".xlsm")
ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})  # of formulas: no value


def excel_file(location: Location) -> HeldTable:
    """The first sheet: its first row that is not empty names the columns; formulas count by their last result."""
    try:
        import openpyxl
    except ImportError:
        raise DataError(f"'{location.text}' needs openpyxl: pip install 'mtl_nas[excel]'") from None
    try:
        with location.open() as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and other parts that are no table
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
            rows = list(_rows(book.worksheets[0]))
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError) as problem:
        raise DataError(f"'{location.text}' is no Excel workbook: {str(problem).splitlines()[0]}") from None
    if not rows:
        raise DataError(f"'{location.text}' is an empty table")
    return HeldTable(location.text, _table(rows))


def _rows(sheet: Any) -> Iterator[list[Any]]:
    """The rows that are not empty."""
    for row in sheet.iter_rows(values_only=True):
        values = [None if value in ERRORS else value for value in row]
        if any(value is not None for value in values):
            yield values


def _table(rows: list[list[Any]]) -> pa.Table:
    width = max(map(len, rows))
    header, *body = [row + [None] * (width - len(row)) for row in rows]
    columns = {}
    for index, name in enumerate(header):
        values = [row[index] for row in body]
        if name is not None or any(value is not None for value in values):
            columns[index] = (f"Unnamed: {index}" if name is None else str(name), values)
    refuse_repeated([name for name, _ in columns.values()])
    return pa.table({name: object_array(name, values) for name, values in columns.values()})
