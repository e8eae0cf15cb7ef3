"""Immutable values that cross files: checked once, at the edge, with messages a person can act on."""

import difflib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import pydantic
import yaml

from mtl_nas.errors import MtlNasError


class Value(pydantic.BaseModel):
    """A frozen record that refuses unknown keys and round-trips through JSON."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


V = TypeVar("V", bound=Value)


def parse(kind: type[V], tree: object, where: str, error: type[MtlNasError] = MtlNasError) -> V:
    """The value that a plain tree spells; one line naming the first wrong key otherwise."""
    try:
        return kind.model_validate(tree)
    except pydantic.ValidationError as problem:
        raise error(f"{where}: {_first_problem(kind, problem)}") from None


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'mmoe'?``, empty when nothing is near."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def read_tree(path: Path, error: type[MtlNasError] = MtlNasError) -> Any:
    """The tree in a YAML or JSON file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise error(f"no file '{path}'") from None
    except IsADirectoryError:
        raise error(f"'{path}' is a folder, expected a YAML or JSON file") from None
    except UnicodeDecodeError:
        raise error(f"'{path}' is not UTF-8 text") from None
    try:
        return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except json.JSONDecodeError as problem:
        raise error(f"{path}: not JSON: line {problem.lineno}: {problem.msg}") from None
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(problem, "problem", None) or "cannot be read"
        raise error(f"{path}: not YAML: {line}{reason}") from None


def _first_problem(kind: type[Value], problem: pydantic.ValidationError) -> str:
    first = problem.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _fields_at(kind, first["loc"][:-1])
        key = str(first["loc"][-1])
        listed = f"; known: {', '.join(sorted(known))}" if known else ""
        return f"unknown key '{place}'{nearest(key, known) or listed}"
    if first["type"] == "missing":
        return f"'{place}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if first["type"] == "value_error":
        return f"{place}: {message}" if place else message
    return f"{place}: {message}, got {first['input']!r}"


def _fields_at(kind: type[Value], place: tuple[int | str, ...]) -> list[str]:
    """The keys known at a place in the tree; empty where the place is not one plain record."""
    fields = kind.model_fields
    for part in place:
        if part not in fields:
            continue  # an index of a list, a key of a mapping, a tag of a union
        found = _record(fields[str(part)].annotation)
        if found is None:
            return []
        fields = found.model_fields
    return list(fields)


def _record(annotation: Any) -> type[Value] | None:
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return annotation
    arguments = getattr(annotation, "__args__", ())
    found = [record for record in map(_record, arguments) if record is not None]
    return found[0] if len(found) == 1 else None
