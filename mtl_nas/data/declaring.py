"""Declarations from what a user gives: a built-in name, a search file, a path, and keywords that win over them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_nas.data.builtin.registry import BUILTINS, builtin_names
from mtl_nas.data.declaration import Declaration, declaration, name_of
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated, nearest, parse, read_tree

Tasks = Mapping[Any, Mapping[str, Any] | None] | Sequence[Any]  # names are text, or numbers as pandas has them


def declared(source: str | Declaration, tasks: Tasks | None, **options: Any) -> Declaration:
    """The declaration of a source, with tasks and options in place of its own.

    ``options``: fields of the data part, and ``sequences`` and ``violations``; None leaves the source's own.
    """
    return with_options(source if isinstance(source, Declaration) else _declaration_of(source), tasks, **options)


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


def table_name(path: str) -> str:
    """The name of a table: its file name without suffixes."""
    return Path(path).name.removesuffix(".gz").rsplit(".", 1)[0]


def _declaration_of(source: str) -> Declaration:
    if source in BUILTINS:
        return parse(Declaration, {"data": {"table": source}}, source, DataError)
    path = Path(source).expanduser()
    if path.suffix.lower() in (".yaml", ".yml"):
        return _with_absolute_paths(declaration(read_tree(path, DataError), str(path)), path)
    if not path.exists() and not path.suffix:
        names = ", ".join(builtin_names())
        raise DataError(
            f"no data set '{source}'{nearest(source, builtin_names())}; built in: {names}; or give a table's path"
        )
    return parse(Declaration, {"data": {"table": str(path.absolute())}}, source, DataError)


def _with_absolute_paths(base: Declaration, file: Path) -> Declaration:
    """Paths in a search file are relative to that file."""
    data, test = base.data, base.data.split.test
    if data.table is None:
        raise DataError(f"{file}: 'data.table' is missing")
    if isinstance(test, str):
        test = str(file.parent.absolute() / Path(test).expanduser())
    table = data.table if data.table in BUILTINS else str(file.parent.absolute() / Path(data.table).expanduser())
    split = data.split.model_copy(update={"test": test})
    changes = {"table": table, **({"split": split} if "split" in data.model_fields_set else {})}
    return base.model_copy(update={"data": data.model_copy(update=changes)})
