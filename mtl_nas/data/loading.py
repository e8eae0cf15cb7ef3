"""Where data sets come from: a built-in name, a search file, a table, a DataFrame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mtl_nas.data.builtin.registry import BUILTINS, adopted, builtin_names
from mtl_nas.data.columns.encoding import named
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration, declaration
from mtl_nas.data.encoded_dataset import encoded_dataset
from mtl_nas.data.parsing.tables import read_table
from mtl_nas.data.preparation import prepare
from mtl_nas.data.storage.encoded_folder import is_encoded
from mtl_nas.errors import DataError
from mtl_nas.values import nearest, parse, read_tree

Tasks = Mapping[str, Mapping[str, Any] | None] | Sequence[str]


def load_dataset(
    source: str | Path | pd.DataFrame | Declaration,
    tasks: Tasks | None = None,
    *,
    split: Mapping[str, Any] | None = None,
    ignore: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    sequences: Mapping[str, Mapping[str, Any]] | None = None,
    group: str | None = None,
    weight: str | None = None,
    violations: str | None = None,
) -> Dataset:
    """A data set from a built-in name, a YAML file, a table's path, an encoded folder, a DataFrame or a declaration.

    The keywords say what the YAML file would, and win over it; kinds that nothing declares are inferred.
    """
    keywords = given(tasks, split, ignore, columns, sequences, group, weight, violations)
    if isinstance(source, pd.DataFrame):
        return prepare("frame", source, _updated(Declaration(), keywords))
    said = stated(source if isinstance(source, Declaration) else str(source), keywords)
    table = said.data.table
    if table is None:
        raise DataError("the declaration names no table (data: table); give a DataFrame to load_dataset itself")
    if is_encoded(table):
        return encoded_dataset(Path(table).expanduser(), said)
    if table in BUILTINS:
        return prepare(table, BUILTINS[table].table(), adopted(BUILTINS[table].declaration, said))
    frame, test = named(read_table(table)), said.data.split.test
    if not isinstance(test, str):
        return prepare(stem(table), frame, said)
    held = named(read_table(test))
    missing = [name for name in frame.columns if name not in held.columns and name not in said.data.ignore]
    if missing:
        raise DataError(f"the test table '{test}' lacks the column '{missing[0]}'{nearest(missing[0], held.columns)}")
    both = pd.concat([frame, held.reindex(columns=frame.columns)], ignore_index=True)
    return prepare(stem(table), both, said, test_rows=len(held))


def given(
    tasks: Tasks | None,
    split: Mapping[str, Any] | None,
    ignore: Sequence[str] | None,
    columns: Mapping[str, str] | None,
    sequences: Mapping[str, Mapping[str, Any]] | None,
    group: str | None,
    weight: str | None,
    violations: str | None,
) -> dict[str, Any]:
    """Keywords as a tree with the parts of a search file."""
    if tasks is not None and not isinstance(tasks, Mapping):
        twice = [name for place, name in enumerate(tasks) if name in tasks[:place]]
        if twice:
            raise DataError(f"task '{twice[0]}' is listed twice")
        tasks = dict.fromkeys(tasks)
    return {
        "data": _present(split=split, ignore=ignore, columns=columns, group=group, weight=weight),
        "tasks": tasks,
        **_present(sequences=sequences, violations=violations),
    }


def stated(source: str | Declaration, keywords: Mapping[str, Any]) -> Declaration:
    """What a built-in name, a YAML file, a path or a declaration says, and the keywords in its place."""
    return _updated(source if isinstance(source, Declaration) else _declared(source), keywords)


def _declared(source: str) -> Declaration:
    if source in BUILTINS:
        return parse(Declaration, {"data": {"table": source}}, source, DataError)
    path = Path(source).expanduser()
    if path.suffix.lower() in (".yaml", ".yml"):
        return _located(declaration(read_tree(path, DataError), str(path)), path)
    if not path.exists() and not path.suffix:
        known = ", ".join(builtin_names())
        raise DataError(
            f"no data set '{source}'{nearest(source, builtin_names())}; built in: {known}; or give a table's path"
        )
    return parse(Declaration, {"data": {"table": str(path.absolute())}}, source, DataError)


def _located(said: Declaration, file: Path) -> Declaration:
    """Paths in a search file are relative to that file."""
    data, test = said.data, said.data.split.test
    if data.table is None:
        raise DataError(f"{file}: 'data.table' is missing")
    if isinstance(test, str):
        test = str(file.parent.absolute() / Path(test).expanduser())
    table = data.table if data.table in BUILTINS else str(file.parent.absolute() / Path(data.table).expanduser())
    split = data.split.model_copy(update={"test": test})
    chosen = {"table": table, **({"split": split} if "split" in data.model_fields_set else {})}
    return said.model_copy(update={"data": data.model_copy(update=chosen)})


def _updated(said: Declaration, given: Mapping[str, Any]) -> Declaration:
    """The declaration with the keywords in place of what it says."""
    tree = said.model_dump(exclude_unset=True)
    tree["data"] = {**tree.get("data", {}), **given["data"]}
    if given["tasks"] is not None:  # the labels of tasks that are left out must not become features
        labels = {column for name, column in said.label_columns().items() if name not in given["tasks"]}
        kept = [said.label_columns().get(name, name) for name in given["tasks"]]
        tree["data"]["ignore"] = [*tree["data"].get("ignore", ()), *sorted(labels.difference(kept))]
    changes = {key: part for key, part in given.items() if key != "data" and part is not None}
    return parse(Declaration, {**tree, **changes}, "data set", DataError)


def _present(**keywords: object) -> dict[str, object]:
    return {name: value for name, value in keywords.items() if value is not None}


def stem(path: str) -> str:
    """A table's name."""
    return Path(path).name.removesuffix(".gz").rsplit(".", 1)[0]
