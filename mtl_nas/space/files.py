"""Search spaces by name, by file, or by the tree of a file."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from mtl_nas.errors import SpaceError
from mtl_nas.space.notation import read_holes, write_holes
from mtl_nas.space.space import SearchSpace
from mtl_nas.tree_files import read_tree
from mtl_nas.values import nearest

SECTIONS = ("about", "design", "training")
FOLDER = "search_spaces"


@cache
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
        4
        >>> mn.load_space({"training": {"batch_size": {"choice": [64, 128]}}}).size()
        2
    """
    if isinstance(source, Mapping):
        return read_space(source, "space")
    text = str(source)
    if text in space_names():
        return _built_in_space(text)
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
        return SearchSpace(name, read_holes(sections, ""))
    except SpaceError as problem:
        text = str(problem)
        raise SpaceError(text if text.startswith("space '") else f"space '{name}': {text}") from None


def plain_tree(space: SearchSpace) -> dict[str, Any]:
    """The tree of a file that ``read_space`` reads back as an equal space."""
    return {key: write_holes(branch) for key, branch in space.tree.items()}


def _built_in() -> Any:
    """The folder of the built-in spaces: inside the installed package, or at the top of a checkout."""
    installed = resources.files("mtl_nas") / FOLDER
    return installed if installed.is_dir() else Path(str(resources.files("mtl_nas"))).parent / FOLDER


@cache
def _built_in_space(name: str) -> SearchSpace:
    return read_space(_built_in_tree(name), name)


@cache
def _built_in_tree(name: str) -> Any:
    return read_tree(Path(str(_built_in() / f"{name}.yaml")), SpaceError)
