"""What a declaration leaves out, read from the table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api import types

from mtl_nas.data.columns.encoding import length_name, named
from mtl_nas.data.declaration import ColumnKind, Declaration, SequenceDeclaration, Split, TaskDeclaration
from mtl_nas.data.parsing.lists import is_list
from mtl_nas.data.parsing.numeric import parsed
from mtl_nas.data.tasks.kinds import refuse_loss_of_another_kind
from mtl_nas.data.tasks.labels import label_kind
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

FEW = 20  # distinct whole numbers that are levels


def infer(frame: pd.DataFrame, declaration: Declaration) -> Declaration:
    """The same declaration with the kind of every column and task; DataError where it does not fit the table."""
    frame = named(frame)
    refuse_unknown(list(frame.columns), declaration)
    _refuse_label_features(declaration)
    tasks = {name: _task(frame, name, task) for name, task in declaration.tasks.items()}
    listed = {column for sequence in declaration.sequences.values() for column in sequence.columns}
    data = declaration.data
    kinds: dict[str, ColumnKind] = {}
    for name in frame.columns:
        if name not in listed and name not in left_out(declaration):
            kinds[name] = data.columns.get(name) or column_kind(frame[name])
    sequences = dict(declaration.sequences)
    for name, kind in kinds.items():
        if kind == "sequence":
            sequences[name] = SequenceDeclaration(items=name)
    columns: dict[str, ColumnKind] = {name: kind for name, kind in kinds.items() if kind != "sequence"}
    taken = [*columns, *(name for names in sequences.values() for name in names.columns)]
    _refuse_taken_names(declaration, taken, sequences)
    if not taken:
        raise DataError("no column is left to predict from")
    source = data.model_copy(update={"columns": columns})
    return declaration.model_copy(update={"data": source, "tasks": tasks, "sequences": sequences})


def column_kind(values: "pd.Series[Any]") -> ColumnKind:
    """Text, booleans, categories, few whole numbers: category; other numbers, times: number; lists: sequence."""
    known = values.dropna()
    dtype = values.dtype
    if not len(known):
        raise DataError(f"column '{values.name}' has no value in any row; ignore it (ignore: ['{values.name}'])")
    if types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "number"
    if types.is_numeric_dtype(dtype):
        numbers = parsed(known)[0]
        return "category" if bool((numbers % 1 == 0).all()) and len(pd.unique(known)) <= FEW else "number"
    if all(is_list(value) for value in known.iloc[:100]):
        return "sequence"
    if types.infer_dtype(known, skipna=True) in ("integer", "floating", "decimal", "mixed-integer-float"):
        return column_kind(pd.Series(parsed(known)[0], name=values.name))
    return "category"


def rule_columns(split: Split) -> list[str]:
    """Columns that decide a split."""
    return [name for name in (split.time, split.column, split.group) if name is not None]


def left_out(declaration: Declaration) -> set[str]:
    """No features: labels, what is ignored, what splits, groups or weighs rows unless a kind is declared for it."""
    data = declaration.data
    rules = {name for name in (*rule_columns(data.split), data.group, data.weight) if name is not None}
    return {*declaration.label_columns().values(), *data.ignore, *(rules - set(data.columns))}


def _task(frame: pd.DataFrame, name: str, task: TaskDeclaration) -> TaskDeclaration:
    column = task.column or name
    refuse_lists(frame[column])
    kind = task.settled_kind or label_kind(frame[column], name)
    if task.loss is not None:
        try:
            refuse_loss_of_another_kind(kind, task.loss)
        except ValueError as problem:
            raise DataError(f"task '{name}': {problem}; or say the kind") from None
    return task.model_copy(update={"kind": kind})


def refuse_lists(labels: "pd.Series[Any]") -> None:
    """A label is one value."""
    if isinstance(next(iter(labels.dropna()), None), list | tuple | dict | np.ndarray):
        raise DataError(f"column '{labels.name}' holds lists; a label is one value")


def refuse_unknown(columns: Sequence[str], declaration: Declaration) -> None:
    """DataError where something is declared of a column that the table does not have, or no task is."""
    if not declaration.tasks:
        names = ", ".join(columns[:12]) + (" ..." if len(columns) > 12 else "")
        raise DataError(f"no task is declared; name the label columns, with --tasks or under tasks:, among: {names}")
    data = declaration.data
    uses = [
        *((f"task '{task}' is labelled by", column) for task, column in declaration.label_columns().items()),
        *(("ignore names", column) for column in data.ignore),
        *(("columns names", column) for column in data.columns),
        *(("the split is decided by", column) for column in rule_columns(data.split)),
        *(("group is", column) for column in (data.group,) if column is not None),
        *(("rows are weighed by", column) for column in (data.weight,) if column is not None),
        *(
            (f"sequence '{name}' reads", column)
            for name, part in declaration.sequences.items()
            for column in part.columns
        ),
    ]
    for use, column in uses:
        if column not in columns:
            raise DataError(f"{use} '{column}', which is no column of the table{nearest(column, columns)}")


def _refuse_label_features(declaration: Declaration) -> None:
    labels = {column: task for task, column in declaration.label_columns().items()}
    features = [*declaration.data.columns, *(name for part in declaration.sequences.values() for name in part.columns)]
    for name in features:
        if name in labels:
            raise DataError(f"column '{name}' is the label of task '{labels[name]}'; it cannot be a feature too")


def _refuse_taken_names(declaration: Declaration, taken: list[str], sequences: dict[str, SequenceDeclaration]) -> None:
    for task in declaration.tasks:
        if task in taken:
            column = declaration.tasks[task].column
            raise DataError(
                f"task '{task}' is labelled by '{column}', but '{task}' is a feature; rename the task or ignore it"
            )
    for name in sequences:
        if length_name(name) in taken:
            raise DataError(f"column '{length_name(name)}' has the name of the length of sequence '{name}'; rename it")
    for name in set(taken):
        if taken.count(name) > 1:
            raise DataError(f"column '{name}' is read twice; a column belongs to one sequence")
