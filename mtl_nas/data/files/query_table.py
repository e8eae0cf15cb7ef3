"""SQL: the result of a query, from DuckDB or from any database that SQLAlchemy reaches."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from mtl_nas.data.files.location import TableNotFoundError
from mtl_nas.data.files.table_file import HeldTable, TableFile
from mtl_nas.data.parsing.frames import object_array
from mtl_nas.data.parsing.raw import refuse_repeated
from mtl_nas.data.source import Query, is_url
from mtl_nas.errors import DataError

ROWS = 2**16  # rows of a batch where none are named
_VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)\}")


def open_query(query: Query, key: str | None = None) -> TableFile:
    """Run a query; DataError where its database is not there, or it is wrong. ``key`` is as for ``open_table``."""
    database = query.database
    if database is None:
        return DuckdbTable(query.query, None, query.folder)
    complete = _VARIABLE.sub(_value, database)
    if complete.startswith("duckdb:///"):
        complete = complete.removeprefix("duckdb:///")
    if complete.startswith("sqlite:///"):
        _refuse_absent(complete.removeprefix("sqlite:///"), key)
    if is_url(complete):
        return _sqlalchemy_table(query.query, complete, database)
    path = _refuse_absent(complete, key)
    with path.open("rb") as file:
        start = file.read(16)
    if start.startswith(b"SQLite format 3"):
        return _sqlalchemy_table(query.query, f"sqlite:///{path}", database)
    if start[8:12] == b"DUCK":
        return DuckdbTable(query.query, str(path), None)
    raise DataError(f"database '{database}' is no file of DuckDB or SQLite; give a URL of SQLAlchemy")


class DuckdbTable(TableFile):
    """A result of DuckDB, which is computed again for every pass, by one thread: its rows have the same order."""

    def __init__(self, query: str, path: str | None, folder: str | None) -> None:
        try:
            import duckdb
        except ImportError:
            raise DataError("a query of files or of a .duckdb file needs duckdb: pip install 'mtl_nas[sql]'") from None
        self.name, self._query, self._folder, self._error = f"query {_short(query)!r}", query, folder, duckdb.Error
        with self._errors():
            # a name that DuckDB does not know is no variable of this program
            settings: dict[str, Any] = {"threads": 1, "python_enable_replacements": False}
            self._connection = duckdb.connect(path or ":memory:", read_only=path is not None, config=settings)
            if [part.type.name for part in self._connection.extract_statements(query)] != ["SELECT"]:
                raise DataError(f"{self.name} gives no table; a query is one SELECT")
            cursor = self._cursor()
            relation = cursor.sql(query)
            refuse_repeated(relation.columns)
            self.schema = relation.limit(0).to_arrow_table().schema

    def batches(self, columns: Sequence[str] | None = None, rows: int | None = None) -> Iterator[pa.Table]:
        wanted, cursor = self.columns if columns is None else list(columns), self._cursor()
        with self._errors():
            relation = cursor.sql(self._query)
            reader = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch  # before DuckDB 2.0
            for batch in reader(rows or ROWS):
                if len(batch):  # columns are chosen here, as a query around the query might lose its order
                    yield pa.Table.from_batches([batch]).select(wanted)

    def _cursor(self) -> Any:
        """A connection of its own, so that passes do not end each other."""
        cursor = self._connection.cursor()
        if self._folder is not None:
            cursor.execute(f"SET file_search_path = '{self._folder.replace(chr(39), 2 * chr(39))}'")
        return cursor

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (self._error, pa.ArrowException) as problem:
            raise DataError(f"{self.name}: {_reason(problem)}") from None


def _sqlalchemy_table(query: str, url: str, shown: str) -> HeldTable:
    """A result of a database, which is held in memory."""
    name = f"query {_short(query)!r}"
    try:
        import sqlalchemy
    except ImportError:
        raise DataError("a query of a database needs SQLAlchemy: pip install 'mtl_nas[sql]'") from None
    try:
        engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.pool.NullPool)
        with engine.connect().execution_options(no_parameters=True) as connection:
            result = connection.exec_driver_sql(query)
            keys, rows = result.keys(), result.fetchall()
    except ImportError as problem:
        driver = problem.name or "the driver"
        raise DataError(f"database '{shown}' needs {driver}, which is not installed: pip install {driver}") from None
    except sqlalchemy.exc.SQLAlchemyError as problem:
        reason = _reason(getattr(problem, "orig", None) or problem)
        for variable in _VARIABLE.finditer(shown):
            reason = reason.replace(_value(variable), variable[0])
        raise DataError(f"{name}: {reason}") from None
    names = list(map(str, keys))
    refuse_repeated(names)
    columns = [object_array(column, [row[index] for row in rows]) for index, column in enumerate(names)]
    return HeldTable(name, pa.table(columns, names=names))


def _value(variable: re.Match[str]) -> str:
    """The value of an environment variable."""
    name = variable[1] or variable[2]
    if name not in os.environ:
        raise DataError(f"database names the environment variable {name}, which is not set")
    return os.environ[name]


def _refuse_absent(path: str, key: str | None) -> Path:
    file = Path(path).expanduser()
    if not file.is_file():
        raise TableNotFoundError(f"no database '{path}'", key and f"{key}.database")
    return file


def _short(query: str) -> str:
    line = " ".join(query.split())
    return line if len(line) <= 60 else f"{line[:57]}..."


def _reason(problem: BaseException) -> str:
    """The message of a database without the lines that show the place."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    end = next((index for index, line in enumerate(lines) if line.startswith(("LINE ", "[SQL"))), len(lines))
    return " ".join(lines[:end]) or type(problem).__name__
