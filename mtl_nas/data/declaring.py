"""Declarations from what a user gives: a built-in name, a search file, a table, and keywords that win over them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mtl_nas.data.builtin.registry import BUILTINS, builtin_names
from mtl_nas.data.declaration import Declaration, Source, declaration, name_of
from mtl_nas.data.files.location import TableNotFoundError, matching
from mtl_nas.data.source import WILDCARDS, Query, absolute, is_url, relative, table_source
from mtl_nas.errors import DataError
from mtl_nas.tree_files import read_tree
from mtl_nas.values import first_repeated, nearest, parse

Tasks = Mapping[Any, Mapping[str, Any] | None] | Sequence[Any]  # names are text, or numbers as pandas has them
SEARCH_FILES = (".yaml", ".yml")


def declared(source: Any, tasks: Tasks | None, **options: Any) -> Declaration:
    """The declaration of a source, with tasks and options in place of its own.

    Paths with wildcards become the files that they match now, so that the declaration loads the same table later on.

    Args:
        source: a declaration, a built-in name, the path of a search file, or a table: a path, a list of paths, or a
            mapping with a query.
        tasks: as for ``load_dataset``.
        options: fields of the data part, and ``sequences`` and ``violations``; None leaves the source's own.
    """
    base = source if isinstance(source, Declaration) else _declaration_of(table_source(source))
    return _with_files(with_options(base, tasks, **options))


@contextmanager
def naming_search_file(source: Any) -> Iterator[None]:
    """Where a table of a search file is not there, the error says what to change in the file."""
    try:
        yield
    except TableNotFoundError as problem:
        declared_in = "the search file" if isinstance(source, Declaration) else f"{source}"
        if isinstance(source, Declaration) or declared_in.lower().endswith(SEARCH_FILES):
            raise TableNotFoundError(problem.fact, problem.key, declared_in) from None
        raise


def with_options(base: Declaration, tasks: Tasks | None, **options: Any) -> Declaration:
    """The declaration with tasks and options in place of its own."""
    if tasks is not None:
        repeated = first_repeated(map(name_of, tasks))
        if repeated is not None:
            raise DataError(f"task '{repeated}' is listed twice")
        given_tasks = tasks if isinstance(tasks, Mapping) else dict.fromkeys(tasks)
        tasks = {name_of(name): task for name, task in given_tasks.items()}
    given = {name: value for name, value in options.items() if value is not None}
    tree = base.model_dump(exclude_unset=True)
    outside_data = {name: given.pop(name) for name in ("sequences", "violations") if name in given}
    tree["data"] = {**tree.get("data", {}), **given}
    if tasks is not None:
        labels = {column for name, column in base.label_columns().items() if name not in tasks}
        used = [base.label_columns().get(name, name) for name in tasks]
        # labels of tasks that are left out must not become features
        tree["data"]["ignore"] = [*tree["data"].get("ignore", ()), *sorted(labels.difference(used))]
        tree["tasks"] = tasks
    return parse(Declaration, tree | outside_data, "data set", DataError)


def beside_search_file(base: Declaration, given: Any, folder: Path) -> Declaration:
    """The declaration of a loaded table as a search file in that folder says it.

    A path with wildcards is what the user gave, and paths inside the folder are relative to it: so the folder can be
    moved, and files that come later belong to the table.
    """
    source = table_source(given)
    if not isinstance(source, str) or (WILDCARDS.search(source) and not Path(source).exists()):
        base = base.model_copy(update={"data": base.data.model_copy(update={"table": absolute(source, Path())})})
    return _with_tables(base, lambda part: part if isinstance(part, float) else relative(part, folder))


def _declaration_of(source: str | tuple[str, ...] | Query) -> Declaration:
    path = Path(source if isinstance(source, str) else "").expanduser()
    if path.suffix.lower() in SEARCH_FILES:
        return _with_absolute_paths(declaration(read_tree(path, DataError), str(path)), path)
    if isinstance(source, str) and source not in BUILTINS and not (path.suffix or path.exists() or _is_pattern(source)):
        names = ", ".join(builtin_names())
        raise DataError(
            f"no data set '{source}'{nearest(source, builtin_names())}; built in: {names}; or give a table's path"
        )
    return Declaration(data=Source(table=_absolute(source, Path())))


def _is_pattern(source: str) -> bool:
    return is_url(source) or WILDCARDS.search(source) is not None


def _absolute(source: Any, folder: Path) -> Any:
    return source if isinstance(source, float) or source in BUILTINS else absolute(source, folder)


def _with_absolute_paths(base: Declaration, file: Path) -> Declaration:
    """Paths in a search file are relative to that file."""
    data = base.data
    if data.table is None:
        raise DataError(f"{file}: 'data.table' is missing")
    return _with_tables(base, lambda source: _absolute(source, file.parent))


def _with_files(base: Declaration) -> Declaration:
    """The declaration with the files that paths with wildcards match."""
    return base if base.data.table is None else _with_tables(base, _files)


def _files(source: Any) -> Any:
    if isinstance(source, float | Query):
        return source
    paths = [path for part in ((source,) if isinstance(source, str) else source) for path in matching(part)]
    return source if isinstance(source, str) and paths == [source] else tuple(paths)


def _with_tables(base: Declaration, change: Callable[[Any], Any]) -> Declaration:
    """The declaration with the table, and the table of test rows, changed by a function."""
    split = base.data.split.model_copy(update={"test": change(base.data.split.test)})
    changes = {"table": change(base.data.table), **({"split": split} if "split" in base.data.model_fields_set else {})}
    return base.model_copy(update={"data": base.data.model_copy(update=changes)})
