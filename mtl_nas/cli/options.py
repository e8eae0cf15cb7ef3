"""Options that commands share, and one option per field of the search settings."""

import inspect
import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo

from mtl_nas.errors import MtlNasError
from mtl_nas.settings import Budget, SearchSettings
from mtl_nas.values import unknown

BOUNDS = ("trials", "trainings", "time")  # fields that bound the work; the other fields of a Budget divide it
QUERY = re.compile(r"\s*(select|from|with)\s", re.IGNORECASE)
LISTED = re.compile(r'\s*(?:"((?:[^"]|"")+)"\s*|([^,]*))(?:,|\Z)')  # a name in quotes, or text up to a comma


def choice(kind: str, words: Sequence[str], **more: Any) -> Any:
    """An option that takes one of the words; the error for another word names the nearest one."""

    def parsed(word: str) -> str:
        if word not in words:
            raise MtlNasError(unknown(kind, word, words))
        return word

    return typer.Option(parser=parsed, metavar=f"[{'|'.join(words)}]", autocompletion=lambda: list(words), **more)


def names(text: str | None) -> list[str] | None:
    """Split a list at its commas; a name that holds a comma is written in double quotes.

    >>> names('click, "to buy, or not"')
    ['click', 'to buy, or not']
    """
    if text is None:
        return None
    listed = [quoted.replace('""', '"') or plain.strip() for quoted, plain in LISTED.findall(text)]
    return [name for name in listed if name]


def pairs(text: str) -> dict[str, str]:
    """Split a list of ``name=number``; the settings check the numbers.

    >>> pairs("parameters=2e6, latency_ms=2")
    {'parameters': '2e6', 'latency_ms': '2'}
    """
    parts = [part.partition("=") for part in names(text) or []]
    return {name.strip(): number.strip() for name, _, number in parts}


def table_of(arguments: Sequence[str], database: str | None = None) -> Any:
    """The table that arguments name: a path or a name, several paths, or a query, which begins with its first word.

    >>> table_of(["a.csv"]), table_of(["a.csv", "b.csv"]), table_of(["SELECT 1"], "shop.duckdb")
    ('a.csv', ['a.csv', 'b.csv'], {'query': 'SELECT 1', 'database': 'shop.duckdb'})
    """
    is_query = QUERY.match(arguments[0]) is not None
    if database is not None and not is_query:
        raise MtlNasError(f"--database belongs to a query that begins with SELECT, FROM or WITH, got '{arguments[0]}'")
    if is_query and len(arguments) > 1:
        raise MtlNasError(f"a query is one argument in quotes, got {len(arguments)} arguments")
    if is_query:
        return {"query": arguments[0]} | ({} if database is None else {"database": database})
    return arguments[0] if len(arguments) == 1 else list(arguments)


TABLE = "paths, a pattern, a URL or a query: CSV, TSV, JSON lines, Parquet, Excel"
Table = Annotated[list[str], typer.Argument(metavar="TABLE...", help=TABLE)]
Source = Annotated[
    list[str], typer.Argument(metavar="FILE|DATASET|TABLE...", help="a search file, a built-in data set, or a table")
]
Database = Annotated[
    str | None, typer.Option(help="of a query: a file of DuckDB or SQLite, or a URL, where $NAME is a variable")
]
Tasks = Annotated[
    str | None,
    typer.Option(
        metavar="NAME,...",
        help="label columns of a table, in the order of its funnel",
    ),
]
Ignore = Annotated[str | None, typer.Option(metavar="NAME,...", help="columns that are empty or leak a label")]
Space = Annotated[str | None, typer.Option(help="a built-in space or a .yaml file")]
Folder = Annotated[
    Path | None, typer.Option(help="the run folder", show_default="runs/DATASET", rich_help_panel="Resources")
]
Cpus = Annotated[
    int | None,
    typer.Option(min=1, help="trials side by side, one per core", show_default="all", rich_help_panel="Resources"),
]
Gpus = Annotated[float | None, typer.Option(min=0, help="GPUs that trials share", rich_help_panel="Resources")]
Address = Annotated[str | None, typer.Option(help="a Ray cluster: auto, or host:port", rich_help_panel="Resources")]
Data = Annotated[
    str | None, typer.Option(help="a built-in data set or a search file", show_default="the data of the run")
]
ModelFolder = Annotated[Path, typer.Argument(help="a model folder: best/ or ensemble/ of a run, or an export")]
FORMATS = ("torch", "onnx", "onnx-encoded", "source", "torch-export")  # here too, as --help loads no torch
ModelFormat = Annotated[str, choice("format", FORMATS, help="of the model")]
Mode = Annotated[str, choice("mode", ("frozen", "finetuned", "inner"), help="how shared weights are trained")]
Verbatim = Annotated[
    bool, typer.Option("--verbatim", help="in CSV, leave texts that a spreadsheet would evaluate as they are")
]


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one option per field of `SearchSettings`; it receives the given ones as ``settings``."""
    own = [option for option in inspect.signature(command).parameters.values() if option.name != "settings"]
    fields = SearchSettings.model_fields
    options = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[_type(field) | None, _option(name)]
        )
        for name, field in fields.items()
    ]

    @wraps(command)
    def filled(**arguments: Any) -> None:
        typed = {name: arguments.pop(name) for name in fields}
        settings = {name: _value(fields[name], value) for name, value in typed.items() if value is not None}
        command(**arguments, settings=settings)

    filled.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]
    filled.__annotations__ = {option.name: option.annotation for option in (*own, *options)}
    return filled


def _option(name: str) -> Any:
    field = SearchSettings.model_fields[name]
    kind, default = _kind(field), field.default
    about: dict[str, Any] = {
        "help": field.description,
        "show_default": False if default in (None, {}) else _text(default),
        "rich_help_panel": _panel(name),
    }
    if words := choices(field):
        return choice(name, words, **about)
    minimum = next((rule.ge for rule in field.metadata if hasattr(rule, "ge")), None)
    metavar = {tuple: "VALUE,...", dict: "NAME=NUMBER,..."}.get(get_origin(kind) or kind)
    return typer.Option(min=minimum, metavar=metavar, **about)


def choices(field: FieldInfo) -> tuple[str, ...]:
    """The words that a field takes: those of its Literal, or listed under ``choices``; empty for other fields."""
    kind, extra = _kind(field), field.json_schema_extra
    if get_origin(kind) is Literal:
        return get_args(kind)
    return tuple(extra.get("choices", ())) if isinstance(extra, dict) else ()  # type: ignore[arg-type]


def _panel(name: str) -> str:
    if name in BOUNDS:
        return "Budget"
    return "Schedule" if name in Budget.model_fields else "Search"


def _kind(field: FieldInfo) -> Any:
    """The annotation of a field without None."""
    if get_origin(field.annotation) in (Union, UnionType):
        return next(part for part in get_args(field.annotation) if part is not type(None))
    return field.annotation


def _type(field: FieldInfo) -> Any:
    """The type that typer parses; the settings parse anything but plain numbers and flags from text."""
    kind = _kind(field)
    return kind if kind in (int, float, bool) else str


def _value(field: FieldInfo, typed: Any) -> Any:
    """The value of a field; ``none`` is an empty list."""
    container = get_origin(_kind(field))
    if container is tuple:
        return [] if typed == "none" else names(typed)
    return pairs(typed) if container is dict else typed


def _text(default: Any) -> str | bool:
    if isinstance(default, bool):
        return default
    if isinstance(default, tuple):
        return ",".join(f"{part:.3g}" if isinstance(part, float) else str(part) for part in default)
    return str(default)
