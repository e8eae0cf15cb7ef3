"""Tables on disk: CSV, TSV, Parquet, a folder of Parquet."""

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow

from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a whole table; its first line or its schema names the columns.

    Args:
        path: a CSV or TSV file (also with .gz), a Parquet file or a folder of Parquet files.

    Raises:
        DataError: there is no such table, it cannot be read, or it is empty.
    """
    path = Path(path).expanduser()
    mark = separator(path)
    frame = _read_parquet(path) if mark is None else _read_text(path, mark)
    if frame.empty:
        raise DataError(f"'{path}' is an empty table")
    refuse_one_column(path, list(frame.columns))
    return frame


def separator(path: Path) -> str | None:
    """The separator of a text table, None for Parquet; DataError where the path holds no table."""
    if not path.exists():
        raise DataError(f"no table '{path}'")
    suffix = _suffix(path)
    if path.is_dir() or suffix in PARQUET:
        return None
    if suffix not in SEPARATORS:
        suffixes = ", ".join([*SEPARATORS, *PARQUET])
        raise DataError(
            f"'{path}' has no known suffix: {suffixes} (the first three also with .gz), or a folder of Parquet"
        )
    return SEPARATORS[suffix]


def refuse_one_column(path: Path, columns: list[object]) -> None:
    """Raise DataError where a table has a single column, which usually means a wrong separator."""
    if len(columns) == 1:
        column, mark = str(columns[0])[:40], SEPARATORS.get(_suffix(path), ",")
        raise DataError(f"'{path}' has one column, {column!r}; save it with {mark!r} between its columns")


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _read_parquet(path: Path) -> pd.DataFrame:
    with parquet_errors(path):
        return pd.read_parquet(path)


@contextmanager
def parquet_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading Parquet into DataErrors of one line."""
    if path.is_dir() and not any(file.suffix.lower() in PARQUET for file in path.rglob("*")):
        raise DataError(f"folder '{path}' holds no Parquet file")
    try:
        yield
    except (pyarrow.ArrowException, OSError) as problem:
        raise DataError(f"'{path}' is not Parquet: {str(problem).splitlines()[0]}") from None


def _read_text(path: Path, separator: str) -> pd.DataFrame:
    with text_errors(path):
        refuse_repeated_names(path, separator)
        return pd.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")


@contextmanager
def text_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading a text table into DataErrors of one line."""
    try:
        yield
    except UnicodeDecodeError:
        raise DataError(f"'{path}' is not UTF-8 text; save it as UTF-8") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"'{path}' is an empty table") from None
    except (pd.errors.ParserError, csv.Error) as problem:
        raise DataError(f"'{path}' is no table: {str(problem).strip().splitlines()[-1]}") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as problem:
        raise DataError(f"'{path}' cannot be unpacked: {problem}") from None
    except IsADirectoryError:
        raise DataError(f"'{path}' is a folder") from None


def refuse_repeated_names(path: Path, separator: str) -> None:
    """Raise DataError where the first line names a column twice, which pandas would rename."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    repeated = first_repeated(name for name in header if name)
    if repeated is not None:
        raise DataError(f"'{path}' has two columns named '{repeated}'")
