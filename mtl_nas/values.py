"""Immutable values that are read from files: checked once, when they are read, with messages that name the key."""

import difflib
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from inspect import isabstract
from types import UnionType
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, get_args, get_origin

import pydantic
from pydantic import SerializationInfo, SerializerFunctionWrapHandler, model_serializer

from mtl_nas.errors import MtlNasError

ALL_FIELDS = {"fields": "all"}  # context of a dump that has later fields at their default too


class Value(pydantic.BaseModel):
    """A frozen record that refuses unknown keys and is equal to itself after a round trip through JSON."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    later_fields: ClassVar[tuple[str, ...]] = ()  # fields added after 0.1.0; keys leave them out at their default,
    earlier_values: ClassVar[Mapping[str, Any]] = {}  # or, where the default is new, at what 0.1.0 did without them

    @property
    def outside_keys(self) -> set[str]:
        """Fields that keys leave out, so that a new option does not change the keys of values that do not use it."""
        fields = type(self).model_fields
        return {
            name
            for name in self.later_fields
            if getattr(self, name) == self.earlier_values.get(name, fields[name].default)
        }


LONGEST_SHOWN = 200  # characters of a value that a message shows
T = TypeVar("T")


class CompatibleValue(Value):
    """A value that is written as earlier versions wrote it: a later field only where it is set.

    A dump with the context ``ALL_FIELDS`` has all fields.
    """

    @model_serializer(mode="wrap")
    def _without_later_fields(self, write: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        tree: dict[str, Any] = write(self)
        left_out = set() if info.context == ALL_FIELDS else self.outside_keys
        return {name: part for name, part in tree.items() if name not in left_out}


V = TypeVar("V", bound=Value)


def parse(kind: type[V], tree: object, where: str, error: type[MtlNasError] = MtlNasError) -> V:
    """Read a value from a tree of mappings and lists; the error is one line that names the first wrong key."""
    try:
        return kind.model_validate(tree)
    except pydantic.ValidationError as problem:
        raise error(f"{where}: {_first_problem(kind, tree, problem)}") from None


def renamed(tree: Mapping[str, Any], old: str, new: str, where: str) -> Mapping[str, Any]:
    """Rename a key of version 0.1.0 to its current name, with a FutureWarning."""
    if old not in tree or new in tree:
        return tree
    warnings.warn(f"{where}: '{old}' is now '{new}'; the next version reads the new name alone", FutureWarning, 2)
    return {new if key == old else key: value for key, value in tree.items()}


def translation(translate: Callable[[Any], T]) -> Callable[[Any], T]:
    """A translation of files of older versions that raises a ValueError where a tree is not of that version."""

    @wraps(translate)
    def checked(tree: Any) -> T:
        try:
            return translate(tree)
        except (AttributeError, LookupError, TypeError) as problem:
            raise ValueError(f"is not as version 0.1.0 wrote it: {problem}") from None

    return checked


def nearest(name: str, names: Iterable[str]) -> str:
    """A hint such as ``; did you mean 'mmoe'?``; empty if no name is similar."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f"; did you mean '{close[0]}'?" if close else ""


def unknown(kind: str, name: str, names: Iterable[str]) -> str:
    """The message about a name that does not exist: the names that do, and the most similar one.

    >>> unknown("preset", "mmoee", ["ple", "mmoe"])
    "no preset 'mmoee'; presets: ple, mmoe; did you mean 'mmoe'?"
    """
    choices = list(names)
    return f"no {kind} '{name}'; {kind}s: {', '.join(choices)}{nearest(name, choices)}"


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


def _first_problem(kind: type[Value], tree: object, problem: pydantic.ValidationError) -> str:
    first = problem.errors(include_url=False)[0]
    path, known_keys = _path(kind, tree, first["loc"])
    location = ".".join(map(str, path))
    if first["type"] == "extra_forbidden":
        listed = f"; known: {', '.join(sorted(known_keys))}" if known_keys else ""
        return f"unknown key '{location}'{nearest(str(first['loc'][-1]), known_keys) or listed}"
    if first["type"] == "missing":
        return f"'{location}' is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    if first["type"] == "value_error":
        return f"{location}: {message}" if location else message
    return f"{location}: {message}, got {_short(first['input'])}"


def _short(value: object) -> str:
    """The value as messages show it, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]} ..."


def _path(kind: type[Value], tree: Any, location: Sequence[int | str]) -> tuple[list[int | str], list[str]]:
    """The keys that lead to an error, as they are written in the file, and the keys that are known at its end.

    Pydantic adds the name of the member to the location at every union; those parts are left out.
    """
    path: list[int | str] = []
    annotation: Any = kind
    known_keys: list[str] = []
    for part in location:
        members = _members(annotation)
        if len(members) > 1:
            annotation = next((member for member in members if part in _tags(member)), None)
            continue
        annotation = _concrete(_without_metadata(members[0]), tree) if members else None
        path.append(part)
        tree = _branch(tree, part)
        fields = annotation.model_fields if isinstance(annotation, type) and issubclass(annotation, Value) else {}
        known_keys = list(fields)
        annotation = fields[str(part)].annotation if part in fields else _item(annotation)
    return path, known_keys


def _branch(tree: Any, part: int | str) -> Any:
    """What stands in a tree at a key or an index; None if there is nothing."""
    if isinstance(tree, Mapping):
        return tree.get(part)
    return tree[part] if isinstance(tree, list | tuple) and isinstance(part, int) and part < len(tree) else None


def _concrete(kind: Any, tree: Any) -> Any:
    """The subclass of an abstract Value that a literal in the tree names; else the kind itself."""
    if not isabstract(kind) or not isinstance(tree, Mapping):
        return kind
    names = {value for value in tree.values() if isinstance(value, str)}
    subclasses = list(kind.__subclasses__())
    for subclass in subclasses:
        subclasses += subclass.__subclasses__()
    return next((each for each in subclasses if not isabstract(each) and names & _tags(each)), kind)


def _members(annotation: Any) -> list[Any]:
    """The members of a union without None, or the annotation itself if it is not a union."""
    bare = _without_metadata(annotation)
    if get_origin(bare) not in (Union, UnionType):
        return [annotation]
    members = [member for member in get_args(bare) if member is not type(None)]
    return _members(members[0]) if len(members) == 1 else members


def _without_metadata(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _tags(member: Any) -> set[Any]:
    """Names by which pydantic may call a member of a union: its tag, the value of its discriminator, its class."""
    kind = _without_metadata(member)
    tags = {tag.tag for tag in getattr(member, "__metadata__", ()) if isinstance(tag, pydantic.Tag)}
    if isinstance(kind, type) and issubclass(kind, Value):
        literals = [field.annotation for field in kind.model_fields.values() if get_origin(field.annotation) is Literal]
        tags |= {kind.__name__, *(get_args(literal)[0] for literal in literals if len(get_args(literal)) == 1)}
    return tags


def _item(annotation: Any) -> Any:
    """The annotation of the items of a list, or of the values of a mapping."""
    arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    origin = get_origin(annotation)
    is_container = isinstance(origin, type) and issubclass(origin, Sequence | Mapping)
    return arguments[-1] if arguments and is_container else None
