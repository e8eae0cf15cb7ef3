"""The notation of holes in YAML: a mapping with the name of a kind of hole as a key, such as ``{int: [1, 4]}``."""

import re
from collections.abc import Mapping
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.domains import Choice, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Needs, Repeat, Subset
from mtl_nas.values import nearest

HOLE_OPTIONS: dict[str, tuple[str, ...]] = {  # kind of hole -> keys beside it
    "int": ("default",),
    "float": ("log", "default"),
    "choice": (),
    "subset": ("min",),
    "repeat": ("of", "default"),
    "maybe": (),
    "each_task": (),
}


def read_holes(tree: Any, path: str) -> Tree:
    """The tree of a file, with holes in place of the mappings that describe them."""
    if isinstance(tree, Mapping):
        kinds = [key for key in tree if key in HOLE_OPTIONS]
        if len(kinds) == 1:
            return _hole(kinds[0], tree, path)
        if kinds:
            raise SpaceError(f"{path}: a hole is of one kind, got {' and '.join(kinds)}")
        return {key: read_holes(branch, f"{path}.{key}" if path else str(key)) for key, branch in tree.items()}
    if isinstance(tree, list):
        return [read_holes(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    return _number(tree)


def write_holes(tree: Tree) -> Any:
    """The tree that ``read_holes`` reads back as an equal tree."""
    match tree:
        case Int() | Float():
            kind = "int" if isinstance(tree, Int) else "float"
            options = {"log": True} if isinstance(tree, Float) and tree.log else {}
            return {kind: [tree.low, tree.high], **options, **_default(tree)}
        case Choice():
            return {"choice": [write_holes(option) for option in tree.options]}
        case Needs():
            return {"needs": tree.what, **write_holes(tree.of)}
        case Subset():
            return {"subset": tree.items if isinstance(tree.items, str) else list(tree.items), "min": tree.min}
        case Repeat():
            return {"repeat": [tree.low, tree.high], **_default(tree), "of": write_holes(tree.of)}
        case Maybe():
            return {"maybe": write_holes(tree.of)}
        case EachTask():
            return {"each_task": write_holes(tree.of)}
        case Mapping():
            return {key: write_holes(branch) for key, branch in tree.items()}
        case list() | tuple():
            return [write_holes(branch) for branch in tree]
    return tree


def _default(hole: Int | Float | Repeat) -> dict[str, Any]:
    return {} if hole.default is None else {"default": hole.default}


def _hole(kind: str, tree: Mapping[str, Any], path: str) -> Tree:
    for key in tree:
        if key != kind and key not in HOLE_OPTIONS[kind]:
            listed = f"; known beside {kind}: {', '.join(HOLE_OPTIONS[kind])}" if HOLE_OPTIONS[kind] else ""
            hint = nearest(str(key), HOLE_OPTIONS[kind]) or listed
            raise SpaceError(f"{path}: unknown key '{key}' in a hole of kind {kind}{hint}")
    try:
        return _hole_of_kind(kind, tree, path)
    except SpaceError as problem:
        text = str(problem)
        raise SpaceError(text if text.startswith(path) else f"{path}: {text}") from None


def _hole_of_kind(kind: str, tree: Mapping[str, Any], path: str) -> Tree:
    value = tree[kind]
    options = {key: _number(option) for key, option in tree.items() if key not in (kind, "of")}
    match kind:
        case "int":
            return Int(*_ends(value, "an int"), **options)
        case "float":
            low, high = _ends(value, "a float")
            return Float(float(low), float(high), **options)
        case "choice":
            if not isinstance(value, list):
                raise SpaceError(f"a choice is a list of options, got {value!r}")
            return Choice(tuple(_option(option, path) for option in value))
        case "subset":
            if not isinstance(value, str | list):
                raise SpaceError(f"a subset takes a list or task_pairs, got {value!r}")
            return Subset(value if isinstance(value, str) else tuple(value), **options)
        case "repeat":
            if "of" not in tree:
                raise SpaceError("a repeat needs 'of', what is repeated")
            return Repeat(*_ends(value, "a repeat"), read_holes(tree["of"], f"{path}.*"), **options)
        case "maybe":
            return Maybe(read_holes(value, path))
    return EachTask(read_holes(value, f"{path}.*"))


def _option(tree: Any, path: str) -> Tree:
    if not isinstance(tree, Mapping) or "needs" not in tree:
        return read_holes(tree, path)
    return Needs(tree["needs"], read_holes({key: branch for key, branch in tree.items() if key != "needs"}, path))


def _ends(value: Any, kind: str) -> tuple[Any, Any]:
    if not (isinstance(value, list) and len(value) == 2):
        raise SpaceError(f"{kind} is written [low, high], got {value!r}")
    low, high = (_number(end) for end in value)
    if not all(isinstance(end, int | float) and not isinstance(end, bool) for end in (low, high)):
        raise SpaceError(f"{kind} runs between numbers, got {value!r}")
    return low, high


def _number(value: Any) -> Any:
    """The value, as a number if it is one that YAML reads as text: ``1e-4`` or ``1/3``."""
    if isinstance(value, str):
        if re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+", value):
            return float(value)
        if part := re.fullmatch(r"(\d+)/(\d*[1-9]\d*)", value):
            return int(part[1]) / int(part[2])
    return value
