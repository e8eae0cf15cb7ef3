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

SEPARATORS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
PARQUET = (".parquet", ".pq")


def read_table(path: str | Path) -> pd.DataFrame:
    """The table at a path; its first line or its schema names the columns."""
    path = Path(path).expanduser()
    mark = separator(path)
    frame = _parquet(path) if mark is None else _delimited(path, mark)
    if frame.empty:
        raise DataError(f"'{path}' is an empty table")
    refuse_one_column(path, list(frame.columns))
    return frame


def separator(path: Path) -> str | None:
    """What stands between the columns of a text table; None: Parquet. A DataError where it is no table."""
    if not path.exists():
        raise DataError(f"no table '{path}'")
    suffix = _suffix(path)
    if path.is_dir() or suffix in PARQUET:
        return None
    if suffix not in SEPARATORS:
        known = ", ".join([*SEPARATORS, *PARQUET])
        raise DataError(
            f"'{path}' has no known suffix: {known} (the first three also with .gz), or a folder of Parquet"
        )
    return SEPARATORS[suffix]


def refuse_one_column(path: Path, columns: list[object]) -> None:
    """Most likely another separator."""
    if len(columns) == 1:
        column, mark = str(columns[0])[:40], SEPARATORS.get(_suffix(path), ",")
        raise DataError(f"'{path}' has one column, {column!r}; save it with {mark!r} between its columns")


def _suffix(path: Path) -> str:
    return Path(path.name.removesuffix(".gz")).suffix.lower()


def _parquet(path: Path) -> pd.DataFrame:
    with parquet(path):
        return pd.read_parquet(path)


@contextmanager
def parquet(path: Path) -> Iterator[None]:
    """What goes wrong in reading Parquet, as one line."""
    if path.is_dir() and not any(file.suffix.lower() in PARQUET for file in path.rglob("*")):
        raise DataError(f"folder '{path}' holds no Parquet file")
    try:
        yield
    except (pyarrow.ArrowException, OSError) as problem:
        raise DataError(f"'{path}' is not Parquet: {str(problem).splitlines()[0]}") from None


def _delimited(path: Path, separator: str) -> pd.DataFrame:
    with readable(path):
        refuse_repeated_names(path, separator)
        return pd.read_csv(path, sep=separator, low_memory=False, encoding="utf-8-sig")


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What goes wrong in reading a text table, as one line."""
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
    """DataError where the first line names a column twice: pandas would rename it."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file, delimiter=separator), [])
    repeated = [name for place, name in enumerate(header) if name and name in header[:place]]
    if repeated:
        raise DataError(f"'{path}' has two columns named '{repeated[0]}'")
