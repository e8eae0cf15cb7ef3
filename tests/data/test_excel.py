import datetime
import sys

import openpyxl
import pyarrow as pa
import pytest

from mtl_nas.data import read_table
from mtl_nas.errors import DataError


def workbook(path, rows):
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("second").append(["other"])
    book.save(path)


def test_the_first_sheet_is_the_table_and_dates_are_times(tmp_path):
    path = tmp_path / "t.xlsx"
    day = datetime.datetime(2024, 1, 31)
    rows = [
        [None, None, None, None, None],
        ["code", "day", 2024, None, "mixed"],
        ["0042", day, 1.5, None, "a"],
        [None, None, None, None, None],
        ["NA", None, "#DIV/0!", None, 7],
    ]
    workbook(path, rows)
    table = read_table(path)
    assert table.to_arrow().to_pydict() == {
        "code": ["0042", "NA"],
        "day": [day, None],
        "2024": [1.5, None],
        "mixed": ["a", "7"],
    }
    assert table["day"].type == "time"
    assert pa.types.is_floating(table["2024"].values.type)


def test_a_workbook_says_what_is_wrong(tmp_path, monkeypatch):
    workbook(tmp_path / "empty.xlsx", [])
    workbook(tmp_path / "header.xlsx", [["a", "b"]])
    workbook(tmp_path / "twice.xlsx", [["a", "a"], [1, 2]])
    for name, words in {"empty": "empty table", "header": "empty table", "twice": "two columns named 'a'"}.items():
        with pytest.raises(DataError, match=words):
            read_table(tmp_path / f"{name}.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(DataError, match=r"needs openpyxl: pip install 'mtl_nas\[excel\]'"):
        read_table(tmp_path / "header.xlsx")
