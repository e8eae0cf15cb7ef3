"""Immutable values that cross files: checked once, at the edge, with messages a person can act on."""

import difflib
import json
import warnings
from collections.abc import Iterable, Mapping, Sequence
from inspect import isabstract
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

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
        raise error(f"{where}: {_first_problem(kind, tree, problem)}") from None


def renamed(tree: Mapping[str, Any], old: str, new: str, where: str) -> Mapping[str, Any]:
    """The tree with a key of version 0.1.0 under its name of today; a FutureWarning says so."""
    if old not in tree or new in tree:
        return tree
    warnings.warn(f"{where}: '{old}' is now '{new}'; the next version reads the new name alone", FutureWarning, 2)
    return {new if key == old else key: value for key, value in tree.items()}


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'mmoe'?``, empty when nothing is near."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown(kind: str, name: str, names: Iterable[str]) -> str:
    """The message for a name that is none of the known names.

    >>> unknown("preset", "mmoee", ["ple", "mmoe"])
    "no preset 'mmoee'; presets: ple, mmoe; did you mean 'mmoe'?"
    """
    known = list(names)
    return f"no {kind} '{name}'; {kind}s: {', '.join(known)}{nearest(name, known)}"


def first_repeated(names: Iterable[str]) -> str | None:
    """The first name that was given before, None where every name is given once.

    >>> first_repeated(["a", "b", "a", "b"])
    'a'
    """
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


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


def _first_problem(kind: type[Value], tree: object, problem: pydantic.ValidationError) -> str:
    first = problem.errors(include_url=False)[0]
    path, known = _path(kind, tree, first["loc"])
    place = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
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


def _path(kind: type[Value], tree: Any, place: Sequence[int | str]) -> tuple[list[int | str], list[str]]:
    """The place as a person would write it, and the keys known where it ends; pydantic adds a part at every union."""
    path: list[int | str] = []
    here: Any = kind
    known: list[str] = []
    for part in place:
        members = _members(here)
        if len(members) > 1:
            here = next((member for member in members if part in _tags(member)), None)
            continue
        here = _concrete(_bare(members[0]), tree) if members else None
        path.append(part)
        tree = tree.get(part) if isinstance(tree, Mapping) else tree[part] if isinstance(part, int) else None
        fields = here.model_fields if isinstance(here, type) and issubclass(here, Value) else {}
        known = list(fields)
        here = fields[str(part)].annotation if part in fields else _item(here)
    return path, known


def _concrete(kind: Any, tree: Any) -> Any:
    """The subclass of an abstract Value that the tree names by one of the subclass's literals; else the kind itself."""
    if not isabstract(kind) or not isinstance(tree, Mapping):
        return kind
    names = {value for value in tree.values() if isinstance(value, str)}
    subclasses = list(kind.__subclasses__())
    for subclass in subclasses:
        subclasses += subclass.__subclasses__()
    return next((each for each in subclasses if not isabstract(each) and names & _tags(each)), kind)


def _members(annotation: Any) -> list[Any]:
    """What a union joins, None left out; anything else is alone."""
    bare = _bare(annotation)
    joined = get_args(bare) if get_origin(bare) in (Union, UnionType) else (annotation,)
    return [member for member in joined if member is not type(None)]


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _tags(member: Any) -> set[Any]:
    """What pydantic may call a member of a union: its tag, its discriminator's value, its class."""
    kind = _bare(member)
    tags = {one.tag for one in getattr(member, "__metadata__", ()) if isinstance(one, pydantic.Tag)}
    if isinstance(kind, type) and issubclass(kind, Value):
        literals = [field.annotation for field in kind.model_fields.values() if get_origin(field.annotation) is Literal]
        tags |= {kind.__name__, *(get_args(one)[0] for one in literals if len(get_args(one)) == 1)}
    return tags


def _item(annotation: Any) -> Any:
    """What a list or a mapping holds."""
    held = [one for one in get_args(annotation) if one is not Ellipsis]
    origin = get_origin(annotation)
    return held[-1] if held and isinstance(origin, type) and issubclass(origin, Sequence | Mapping) else None
