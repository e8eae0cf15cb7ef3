"""Search files, which users write: the data, the space and the settings of a search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.record import SearchSettings
from mtl_nas.space import SearchSpace, load_space
from mtl_nas.study.samplers import name_of
from mtl_nas.tree_files import read_tree
from mtl_nas.values import Value, parse

DEFAULT_SPACE = "everything"


class SearchFile(Value):
    """The content of a search file, with data and space loaded."""

    model_config = {"arbitrary_types_allowed": True}

    data: Dataset
    space: SearchSpace
    settings: SearchSettings


def read_search(source: Any, *, tasks: list[str] | None = None, space: str | None = None) -> SearchFile:
    """Read a search file, or make one for a built-in data set or a table.

    Args:
        source: A YAML file, the name of a built-in data set, or a table: a path, a list of paths, or a mapping with a
            query.
        tasks: The tasks of a table.
        space: Name or file of a space, in place of the file's.

    Raises:
        MtlNasError: The file, its data or its space cannot be read.
    """
    path = Path(source if isinstance(source, str) else "")
    tree: Any = {}
    if path.suffix.lower() in (".yaml", ".yml"):
        tree = read_tree(path)
        if not isinstance(tree, Mapping):
            raise MtlNasError(f"{source}: a search file is a mapping with data and tasks, got {type(tree).__name__}")
    settings = parse(SearchSettings, tree.get("search") or {}, f"{path}: search")
    name_of(settings.sampler)
    return SearchFile(data=load_dataset(source, tasks), space=_space(tree, path, space), settings=settings)


def _space(tree: Mapping[str, Any], path: Path, name: str | None) -> SearchSpace:
    if name is not None:
        return load_space(name)
    space = tree.get("space", DEFAULT_SPACE)
    beside = path.parent / str(space)
    return load_space(beside if isinstance(space, str) and beside.suffix in (".yaml", ".yml") else space)
