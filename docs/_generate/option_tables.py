"""The options of values that files and calls are parsed into."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from markdown_tables import one_line, table
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mtl_nas.values import Value

WORDS = {bool: "true, false", int: "whole number", float: "number", str: "text", NoneType: "null"}


def options(path: str, prefix: str = "", *skipped: str) -> str:
    """The options of a value, ``package.Class``: key, type, default and meaning; nested values under dotted keys."""
    module, name = path.rsplit(".", 1)
    rows = _options(getattr(import_module(module), name), "" if prefix in ("", "-") else f"{prefix}.", skipped)
    return table(("key", "type", "default", "meaning"), rows)


def sections(path: str) -> str:
    """The fields of a value, without those of the values in them."""
    module, name = path.rsplit(".", 1)
    fields = getattr(import_module(module), name).model_fields.items()
    return table(("key", "meaning"), ((f"`{key}`", one_line(field.description or "")) for key, field in fields))


def _options(
    value: type[Value], prefix: str, skipped: Sequence[str], defaults: Value | None = None
) -> Iterator[tuple[str, str, str, str]]:
    for name, field in value.model_fields.items():
        key = f"{prefix}{name}"
        default = field.get_default(call_default_factory=True) if defaults is None else getattr(defaults, name)
        kinds = [kind for kind in map(_bare, _members(field.annotation)) if kind is not NoneType]
        nested = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Value)]
        if key in skipped or (get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1):
            continue
        if field.description is not None:
            shown = "required" if default is PydanticUndefined else f"`{_text(default)}`"
            words = field.json_schema_extra.get("choices") if isinstance(field.json_schema_extra, dict) else None
            kind = _type(Literal[*words] | field.annotation if words else field.annotation, field.metadata)
            yield f"`{key}`", kind, shown, one_line(field.description)
        elif not nested:
            raise ValueError(f"{value.__name__}.{name} is an option without a description; give its Field one")
        if len(nested) == 1:
            yield from _options(nested[0], f"{key}.", skipped, default if isinstance(default, Value) else None)


def _type(annotation: Any, metadata: Iterable[Any] = (), *, many: bool = False) -> str:  # noqa: PLR0911  # a case each
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(members[0], _constraints(members[1:]), many=many)
    if origin is Literal:
        return ", ".join(f"`{member}`" for member in members)
    if origin in (Union, UnionType):
        return ", or ".join(dict.fromkeys(_type(member, metadata, many=many) for member in members))
    if origin is tuple:
        if members[-1] is Ellipsis:
            return f"list of {_type(members[0], many=True)}"
        return f"pairs of {_type(members[0])}s" if many else f"pair of {_type(members[0])}s"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of names to {_type(members[1], many=True)}"
    if isinstance(annotation, type) and issubclass(annotation, Value):
        return "mapping"
    word = WORDS.get(annotation, getattr(annotation, "__name__", str(annotation)))
    plural = "s" if many and annotation in (int, float, str) else ""
    return word + plural + (_bounds(metadata) if annotation in (int, float) else "")


def _bounds(metadata: Iterable[Any]) -> str:
    bounds = {type(bound): bound for bound in metadata}
    high = f"to {bounds[Le].le:,g}" if Le in bounds else f"below {bounds[Lt].lt:g}" if Lt in bounds else ""
    if Gt in bounds:
        return f" above {bounds[Gt].gt:g}" + (f", up {high}" if Le in bounds else f", {high}" if high else "")
    if Ge in bounds:
        return f" from {bounds[Ge].ge:g} {high}" if high else f", {bounds[Ge].ge:g} or more"
    return high and f" {high}"


def _constraints(metadata: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for part in metadata:
        flat += part.metadata if isinstance(part, FieldInfo) else [part]
    return flat


def _text(value: Any) -> str:
    match value:
        case None | bool():
            return {None: "null", True: "true", False: "false"}[value]
        case float():
            fraction = Fraction(value).limit_denominator(99)
            return str(fraction) if len(repr(value)) > 8 and float(fraction) == value else f"{value:g}"
        case tuple() | list():
            return f"[{', '.join(map(_text, value))}]"
        case dict():
            return f"{{{', '.join(f'{key}: {_text(part)}' for key, part in value.items())}}}"
        case Value():
            return _text(value.model_dump(exclude_defaults=True))
        case _:
            return str(value)


def _members(annotation: Any) -> Sequence[Any]:
    bare = _bare(annotation)
    if get_origin(bare) not in (Union, UnionType):
        return (annotation,)
    return [inner for member in get_args(bare) for inner in _members(member)]


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
