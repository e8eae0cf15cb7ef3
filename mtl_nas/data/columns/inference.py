"""The kinds of columns that a declaration leaves out, and whether it suits the table."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pandas.api import types

from mtl_nas.data.columns.encoding import length_name
from mtl_nas.data.declaration import ColumnKind, Declaration, SequenceDeclaration, Split
from mtl_nas.data.parsing.lists import is_list
from mtl_nas.data.parsing.numeric import parse_numbers
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated, nearest

MOST_WHOLE_LEVELS = 20  # distinct whole numbers that are levels of a category


def infer_columns(sample: pd.DataFrame, declaration: Declaration) -> Declaration:
    """The declaration with a kind for every feature column, inferred from some rows where none is declared."""
    _refuse_label_features(declaration)
    kinds: dict[str, ColumnKind] = {
        name: declaration.data.columns.get(name) or column_kind(sample[name])
        for name in undeclared_features(list(sample.columns), declaration, with_declared=True)
    }
    sequences = dict(declaration.sequences)
    sequences |= {name: SequenceDeclaration(items=name) for name, kind in kinds.items() if kind == "sequence"}
    columns = {name: kind for name, kind in kinds.items() if kind != "sequence"}
    features = [*columns, *(name for part in sequences.values() for name in part.columns)]
    _refuse_taken_names(declaration, features, sequences)
    if not features:
        raise DataError("no column is left to predict from")
    source = declaration.data.model_copy(update={"columns": columns})
    return declaration.model_copy(update={"data": source, "sequences": sequences})


def undeclared_features(columns: Sequence[str], declaration: Declaration, *, with_declared: bool = False) -> list[str]:
    """Feature columns whose kind is not declared; with the declared ones, all features outside declared sequences."""
    no_features = {*_not_features(declaration), *_declared_lists(declaration)}
    if not with_declared:
        no_features |= set(declaration.data.columns)
    return [name for name in columns if name not in no_features]


def column_kind(values: "pd.Series[Any]") -> ColumnKind:
    """Text, booleans, categories, few whole numbers: category; other numbers, times: number; lists: sequence."""
    present = values.dropna()
    dtype = values.dtype
    if not len(present):
        raise DataError(f"column '{values.name}' has no value in any row; ignore it (ignore: ['{values.name}'])")
    if types.is_bool_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype):
        return "number"
    if types.is_numeric_dtype(dtype):
        whole = bool((parse_numbers(present)[0] % 1 == 0).all())
        return "category" if whole and len(pd.unique(present)) <= MOST_WHOLE_LEVELS else "number"
    if all(is_list(value) for value in present.iloc[:100]):
        return "sequence"
    if types.infer_dtype(present, skipna=True) in ("integer", "floating", "decimal", "mixed-integer-float"):
        return column_kind(pd.Series(parse_numbers(present)[0], name=values.name))
    return "category"


def rule_columns(split: Split) -> list[str]:
    """Columns that decide a split."""
    return [name for name in (split.time, split.column, split.group) if name is not None]


def refuse_unknown_columns(columns: Sequence[str], declaration: Declaration) -> None:
    """Raise DataError where no task is declared, or something about a column that the table does not have."""
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
        *((f"sequence '{name}' reads", col) for name, part in declaration.sequences.items() for col in part.columns),
    ]
    for use, column in uses:
        if column not in columns:
            raise DataError(f"{use} '{column}', which is no column of the table{nearest(column, columns)}")


def _not_features(declaration: Declaration) -> set[str]:
    """Labels, ignored columns, and columns that split, group or weigh rows unless their kind is declared."""
    data = declaration.data
    rules = {name for name in (*rule_columns(data.split), data.group, data.weight) if name is not None}
    return {*declaration.label_columns().values(), *data.ignore, *(rules - set(data.columns))}


def _declared_lists(declaration: Declaration) -> set[str]:
    return {column for part in declaration.sequences.values() for column in part.columns}


def _refuse_label_features(declaration: Declaration) -> None:
    task_of_column = {column: task for task, column in declaration.label_columns().items()}
    for name in (*declaration.data.columns, *sorted(_declared_lists(declaration))):
        if name in task_of_column:
            raise DataError(
                f"column '{name}' is the label of task '{task_of_column[name]}'; it cannot be a feature too"
            )


def _refuse_taken_names(
    declaration: Declaration, features: list[str], sequences: dict[str, SequenceDeclaration]
) -> None:
    for name, task in declaration.tasks.items():
        if name in features:
            raise DataError(
                f"task '{name}' is labelled by '{task.column}', but '{name}' is a feature; rename the task or ignore it"
            )
    for name in sequences:
        if length_name(name) in features:
            raise DataError(f"column '{length_name(name)}' has the name of the length of sequence '{name}'; rename it")
    repeated = first_repeated(features)
    if repeated is not None:
        raise DataError(f"column '{repeated}' is read twice; a column belongs to one sequence")
