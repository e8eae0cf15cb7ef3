"""Spaces in YAML. A mapping that has the name of a kind of hole as a key is a hole; YAML tags are not used."""

import re
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.domains import Choice, Float, Int, Tree
from mtl_nas.space.holes import EachTask, Maybe, Needs, Repeat, Subset
from mtl_nas.space.space import SearchSpace
from mtl_nas.values import nearest, read_tree

HOLE_OPTIONS: dict[str, tuple[str, ...]] = {  # kind of hole -> keys beside it
    "int": ("default",),
    "float": ("log", "default"),
    "choice": (),
    "subset": ("min",),
    "repeat": ("of", "default"),
    "maybe": (),
    "each_task": (),
}
SECTIONS = ("about", "design", "training")
FOLDER = "search_spaces"


def space_names() -> tuple[str, ...]:
    """The names of the built-in spaces."""
    return tuple(
        sorted(path.name.removesuffix(".yaml") for path in _built_in().iterdir() if path.name.endswith(".yaml"))
    )


def space_descriptions() -> dict[str, str]:
    """One or two sentences about each built-in space, from the ``about`` of its file.

    >>> space_descriptions()["mmoe"]
    'Shared experts under one gate per task (MMoE) or one gate for all tasks (OMoE); Ma et al. (2018).'
    """
    return {name: " ".join(_built_in_tree(name)["about"].split()) for name in space_names()}


def load_space(source: str | Path | Mapping[str, Any]) -> SearchSpace:
    """Load a search space.

    Args:
        source: The name of a built-in space (``space_names()``), the path of a YAML file, or the tree of such a file.

    Returns:
        The space, without tasks: ``space.for_schema(schema)`` fits it to a table.

    Raises:
        SpaceError: There is no such space or file, or the file is wrong; the message names the key and the repair.

    Example:
        >>> import mtl_nas as mn
        >>> mn.load_space("mmoe").default().design.levels[0].shared
        8
        >>> mn.load_space({"training": {"batch_size": {"choice": [64, 128]}}}).size()
        2
    """
    if isinstance(source, Mapping):
        return read_space(source, "space")
    text = str(source)
    if text in space_names():
        return read_space(_built_in_tree(text), text)
    if not text.endswith((".yaml", ".yml")):
        names = space_names()
        raise SpaceError(
            f"no search space '{text}'; built in: {', '.join(names)}; or give a .yaml file{nearest(text, names)}"
        )
    return read_space(read_tree(Path(text), SpaceError), Path(text).stem)


def read_space(tree: Any, name: str) -> SearchSpace:
    """Read a space from the plain tree of its file."""
    if not isinstance(tree, Mapping):
        raise SpaceError(f"space '{name}': a space is a mapping with design and training, got {type(tree).__name__}")
    for key in tree:
        if key not in SECTIONS:
            raise SpaceError(
                f"space '{name}': unknown key '{key}'{nearest(str(key), SECTIONS)}; known: {', '.join(SECTIONS)}"
            )
    sections = {key: branch for key, branch in tree.items() if key != "about"}
    try:
        return SearchSpace(name, _with_holes(sections, ""))
    except SpaceError as problem:
        text = str(problem)
        raise SpaceError(text if text.startswith("space '") else f"space '{name}': {text}") from None


def plain_tree(space: SearchSpace) -> dict[str, Any]:
    """The tree of a file that ``read_space`` reads back as an equal space."""
    return {key: _without_holes(branch) for key, branch in space.tree.items()}


def _without_holes(tree: Tree) -> Any:
    match tree:
        case Int() | Float():
            kind = "int" if isinstance(tree, Int) else "float"
            options = {"log": True} if isinstance(tree, Float) and tree.log else {}
            return {kind: [tree.low, tree.high], **options, **_default(tree)}
        case Choice():
            return {"choice": [_without_holes(option) for option in tree.options]}
        case Needs():
            return {"needs": tree.what, **_without_holes(tree.of)}
        case Subset():
            return {"subset": tree.items if isinstance(tree.items, str) else list(tree.items), "min": tree.min}
        case Repeat():
            return {"repeat": [tree.low, tree.high], **_default(tree), "of": _without_holes(tree.of)}
        case Maybe():
            return {"maybe": _without_holes(tree.of)}
        case EachTask():
            return {"each_task": _without_holes(tree.of)}
        case Mapping():
            return {key: _without_holes(branch) for key, branch in tree.items()}
        case list() | tuple():
            return [_without_holes(branch) for branch in tree]
    return tree


def _default(hole: Int | Float | Repeat) -> dict[str, Any]:
    return {} if hole.default is None else {"default": hole.default}


def _built_in() -> Any:
    """The folder of the built-in spaces: inside the installed package, or at the top of a checkout."""
    installed = resources.files("mtl_nas") / FOLDER
    return installed if installed.is_dir() else Path(str(resources.files("mtl_nas"))).parent / FOLDER


def _built_in_tree(name: str) -> Any:
    return read_tree(Path(str(_built_in() / f"{name}.yaml")), SpaceError)


def _with_holes(tree: Any, path: str) -> Tree:
    if isinstance(tree, Mapping):
        kinds = [key for key in tree if key in HOLE_OPTIONS]
        if len(kinds) == 1:
            return _hole(kinds[0], tree, path)
        if kinds:
            raise SpaceError(f"{path}: a hole is of one kind, got {' and '.join(kinds)}")
        return {key: _with_holes(branch, f"{path}.{key}" if path else str(key)) for key, branch in tree.items()}
    if isinstance(tree, list):
        return [_with_holes(branch, f"{path}.{index}") for index, branch in enumerate(tree)]
    return _number(tree)


def _hole(kind: str, tree: Mapping[str, Any], path: str) -> Tree:
    options_of_kind = HOLE_OPTIONS[kind]
    for key in tree:
        if key != kind and key not in options_of_kind:
            listed = f"; known beside {kind}: {', '.join(options_of_kind)}" if options_of_kind else ""
            hint = nearest(str(key), options_of_kind) or listed
            raise SpaceError(f"{path}: unknown key '{key}' in a hole of kind {kind}{hint}")
    options = {key: _number(value) for key, value in tree.items() if key not in (kind, "of")}
    try:
        return _HOLES[kind](tree, path, options)
    except SpaceError as problem:
        text = str(problem)
        raise SpaceError(text if text.startswith(path) else f"{path}: {text}") from None


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


def _float(tree: Mapping[str, Any], options: dict[str, Any]) -> Float:
    low, high = _ends(tree["float"], "a float")
    return Float(float(low), float(high), **options)


def _choice(tree: Mapping[str, Any], path: str, options: dict[str, Any]) -> Tree:
    if not isinstance(tree["choice"], list):
        raise SpaceError(f"a choice is a list of options, got {tree['choice']!r}")
    return Choice(tuple(_option(option, path) for option in tree["choice"]))


def _option(tree: Any, path: str) -> Tree:
    if not isinstance(tree, Mapping) or "needs" not in tree:
        return _with_holes(tree, path)
    return Needs(tree["needs"], _with_holes({key: branch for key, branch in tree.items() if key != "needs"}, path))


def _repeat(tree: Mapping[str, Any], path: str, options: dict[str, Any]) -> Tree:
    if "of" not in tree:
        raise SpaceError("a repeat needs 'of', what is repeated")
    low, high = _ends(tree["repeat"], "a repeat")
    return Repeat(low, high, _with_holes(tree["of"], f"{path}.*"), **options)


def _subset(tree: Mapping[str, Any], path: str, options: dict[str, Any]) -> Tree:
    items = tree["subset"]
    if not isinstance(items, str | list):
        raise SpaceError(f"a subset is of a list or of task_pairs, got {items!r}")
    return Subset(items if isinstance(items, str) else tuple(items), **options)


_HOLES: dict[str, Callable[[Mapping[str, Any], str, dict[str, Any]], Tree]] = {
    "int": lambda tree, path, options: Int(*_ends(tree["int"], "an int"), **options),
    "float": lambda tree, path, options: _float(tree, options),
    "choice": _choice,
    "subset": _subset,
    "repeat": _repeat,
    "maybe": lambda tree, path, options: Maybe(_with_holes(tree["maybe"], path)),
    "each_task": lambda tree, path, options: EachTask(_with_holes(tree["each_task"], f"{path}.*")),
}
