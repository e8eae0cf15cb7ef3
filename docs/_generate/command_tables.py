"""The command line, command by command."""

import inspect
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from markdown_tables import one_line, table
from typer.models import ArgumentInfo, OptionInfo

from mtl_nas.cli import app

WORDS = {int: "whole number", float: "number", str: "text", Path: "path"}


def commands() -> str:
    """Every command of ``mtl-search`` with its arguments and options."""
    shown = [(command.name, command.callback) for command in app.registered_commands if not command.hidden]
    return "\n\n".join(_command(name or callback.__name__, callback) for name, callback in shown if callback)


def _command(name: str, callback: Callable[..., Any]) -> str:
    parameters = [(info, row) for info, row in _parameters(callback) if not info.hidden]
    arguments = [
        row[0].replace("`", "").replace(" or ", "|") for info, row in parameters if isinstance(info, ArgumentInfo)
    ]
    summary = one_line(inspect.getdoc(callback) or "")
    parts = [f"## `mtl-search {name}`", summary, f"```text\nmtl-search {' '.join([name, *arguments])} [OPTIONS]\n```"]
    for panel in dict.fromkeys(info.rich_help_panel for info, _ in parameters):
        parts += [f"**{panel}**"] if panel else []
        rows = [row for info, row in parameters if info.rich_help_panel == panel]
        parts.append(table(("option", "value", "default", "meaning"), rows))
    return "\n\n".join(parts)


def _parameters(callback: Callable[..., Any]) -> Iterator[tuple[ArgumentInfo | OptionInfo, tuple[str, str, str, str]]]:
    hints = get_type_hints(callback, include_extras=True)
    for name, parameter in inspect.signature(callback).parameters.items():
        annotation, info = get_args(hints[name])[:2]
        names = [word for word in (info.default, *(info.param_decls or ())) if isinstance(word, str)]  # typer's order
        names = names or [f"--{name.replace('_', '-')}"]
        if isinstance(info, ArgumentInfo):
            names = [str(info.metavar or name).upper()]
        default = parameter.default
        required = "required" if default is inspect.Parameter.empty else ""
        shown = "" if default in (None, False, inspect.Parameter.empty) else f"`{getattr(default, 'value', default)}`"
        if isinstance(info.show_default, str):
            shown = f"`{info.show_default}`"
        value = f"`{info.metavar.strip('[]')}`" if info.metavar and isinstance(info, OptionInfo) else _value(annotation)
        option = ", ".join(f"`{word}`" for word in names).replace("|", "` or `")
        yield info, (option, value, required or shown, info.help or "")


def _value(annotation: Any) -> str:
    """The words for what a user types; nothing for a flag."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in kinds)
    if get_origin(annotation) is list:
        return f"{_value(kinds[0])}, several times"
    if kinds:
        return _value(kinds[0])
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(f"`{choice.value}`" for choice in annotation)
    return WORDS.get(annotation, "")
