"""What a table is read from: a path or URL, a list of files, or a query."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from mtl_nas.errors import DataError
from mtl_nas.values import Value, parse

WILDCARDS = re.compile(r"[*?\[\]]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+://")  # one letter before the colon is a drive of Windows
_SECRETS = (
    re.compile(r"://[^/?#@:]*:(?!\$)[^/?#@]+@"),  # user:password@host
    re.compile(r"[?&](password|pwd|secret_key|secret_access_key|access_token|token|sig)=(?!\$)[^&]+", re.IGNORECASE),
)
_IN_TEXT = re.compile(r"\bpassword\s*=\s*[^\s']", re.IGNORECASE)  # host=shop password=secret


def refuse_secrets(text: str) -> str:
    """The path or URL; ValueError where it holds a password, which run folders and messages would show."""
    if is_url(text) and any(pattern.search(text) for pattern in _SECRETS):
        raise ValueError(
            "the URL holds a password, which run folders and messages would show; put the password into an environment "
            "variable: of a database say $NAME in its place, of a file leave it out"
        )
    return text


class Query(Value):
    """A table that a query gives."""

    query: str = Field(min_length=1, description="a SELECT; its result is the table, in the order of its rows")
    database: Annotated[str, AfterValidator(refuse_secrets)] | None = Field(
        None,
        description="file of DuckDB or SQLite, or a URL of SQLAlchemy; $NAME is an environment variable; "
        "DuckDB over files if not given",
    )
    folder: str | None = Field(None, description="where files in the query are looked for; that of the search file")

    @field_validator("query")
    @classmethod
    def _is_one_statement(cls, query: str) -> str:
        if any(pattern.search(text) for text in re.findall(r"'[^']*'", query) for pattern in (*_SECRETS, _IN_TEXT)):
            raise ValueError(
                "a text in it holds a password, which run folders and messages would show; give the database as "
                "database: URL, with $NAME of an environment variable in the place of the password"
            )
        return query.strip().rstrip(";").rstrip()

    @model_validator(mode="after")
    def _files_belong_to_duckdb(self) -> Self:
        if self.folder is not None and "," in self.folder:
            raise ValueError(f"folder holds a comma, which DuckDB takes as the end of a path, got '{self.folder}'")
        return self


def _form(tree: object) -> str:
    if isinstance(tree, Query | Mapping):
        return "query"
    return "files" if isinstance(tree, list | tuple) else "path"


def _form_or_share(tree: object) -> str:
    return "share" if isinstance(tree, int | float) else _form(tree)


def _text_of_path(path: object) -> object:
    return os.fspath(path) if isinstance(path, os.PathLike) else path


_Path = Annotated[str, BeforeValidator(_text_of_path), AfterValidator(refuse_secrets)]
_OnePath = Annotated[_Path, Tag("path")]
_Paths = Annotated[tuple[_Path, ...], Field(min_length=1), Tag("files")]
_Query = Annotated[Query, Tag("query")]
TableSource = Annotated[_OnePath | _Paths | _Query, Discriminator(_form)]
ShareOrTable = Annotated[Annotated[float, Tag("share")] | _OnePath | _Paths | _Query, Discriminator(_form_or_share)]


class _Given(Value):
    table: TableSource


def table_source(given: Any) -> str | tuple[str, ...] | Query:
    """The source that a path, a list of paths, or a mapping with a query means; DataError where it is none."""
    return parse(_Given, {"table": given}, "data set", DataError).table


def is_url(text: str) -> bool:
    """Whether a text is a URL.

    >>> is_url("s3://logs/day.parquet"), is_url("logs/day.parquet"), is_url("c:/logs")
    (True, False, False)
    """
    return _URL.match(text) is not None


def absolute(source: Any, folder: Path) -> Any:
    """The source, with paths that are relative to the folder made absolute."""
    if isinstance(source, tuple):
        return tuple(_absolute_path(path, folder) for path in source)
    if isinstance(source, str):
        return _absolute_path(source, folder)
    database = source.database
    if database is not None and not is_url(database) and not database.startswith("$"):
        database = _absolute_path(database, folder)
    elif database is not None and re.match(r"(sqlite|duckdb):///[^/:]", database):
        scheme, _, path = database.partition(":///")
        database = f"{scheme}:///{_absolute_path(path, folder)}"
    inside = _absolute_path(source.folder or "", folder)
    return source.model_copy(update={"database": database, "folder": inside if database is None else source.folder})


def relative(source: Any, folder: Path) -> Any:
    """The source, with paths inside the folder made relative to it, so that both can be moved together."""
    if isinstance(source, tuple):
        return tuple(_relative_path(path, folder) for path in source)
    if isinstance(source, str):
        return _relative_path(source, folder)
    database = source.database and _relative_path(source.database, folder)
    inside = None if source.folder == str(folder) else source.folder
    return source.model_copy(update={"database": database, "folder": inside})


def table_name(source: Any) -> str:
    """The name of a table: its file name without suffixes, what the names of several files begin with, or the database.

    >>> table_name("shop/visits.csv.gz"), table_name(("logs/day-1.csv", "logs/day-2.csv"))
    ('visits', 'day')
    """
    if isinstance(source, tuple):
        names = [table_name(path) for path in source]
        if len(names) == 1:
            return names[0]
        common = os.path.commonprefix(names).rstrip("0123456789-_. ")  # noqa: RUF071  # names are no paths
        return common or Path(source[0]).parent.name or "table"
    if isinstance(source, Query):
        database = source.database or ""
        return "query" if not database or "$" in database else table_name(database.rpartition("/")[2])
    name = Path(source.partition("?")[0] if is_url(source) else source).name
    stem = re.sub(r"\.(gz|bz2|zst|xz)$", "", name, flags=re.IGNORECASE).rsplit(".", 1)[0]
    return WILDCARDS.sub("", stem).strip("-_. ") or "table" if WILDCARDS.search(stem) else stem


def _absolute_path(path: str, folder: Path) -> str:
    return path if is_url(path) else str(folder.absolute() / Path(path).expanduser())


def _relative_path(path: str, folder: Path) -> str:
    if is_url(path) or not Path(path).is_relative_to(folder):
        return path
    return Path(path).relative_to(folder).as_posix()
