"""The data sets that come with the library."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pandas as pd

from mtl_nas.data.builtin import census, synthetic_funnel, synthetic_mmoe, synthetic_reasons
from mtl_nas.data.columns.inference import rule_columns
from mtl_nas.data.declaration import ColumnReading, Declaration, TaskDeclaration


@dataclass(frozen=True)
class Builtin:
    """A built-in data set: a function that makes or fetches its table, and the declaration of the table."""

    table: Callable[[], pd.DataFrame]
    declaration: Declaration


BUILTINS = {
    **{
        f"census-income{variant}": Builtin(partial(census.census_income, variant), census.declared(variant))
        for variant in census.VARIANTS
    },
    "synthetic-funnel": Builtin(synthetic_funnel.synthetic_funnel, synthetic_funnel.DECLARATION),
    "synthetic-mmoe": Builtin(synthetic_mmoe.synthetic_mmoe, synthetic_mmoe.DECLARATION),
    **{
        f"synthetic-mmoe/{correlation:g}": Builtin(
            partial(synthetic_mmoe.synthetic_mmoe, correlation=correlation), synthetic_mmoe.DECLARATION
        )
        for correlation in synthetic_mmoe.CORRELATIONS
    },
    **{
        f"synthetic-reasons/{reason}": Builtin(table, declaration)
        for reason, (table, declaration) in synthetic_reasons.REASONS.items()
    },
}


def builtin_names() -> tuple[str, ...]:
    """Names that ``load_dataset`` knows."""
    return tuple(BUILTINS)


def with_builtin(builtin: Declaration, declaration: Declaration) -> Declaration:
    """A declaration completed by that of a built-in data set; labels of tasks that are left out are no features."""
    tasks = _tasks(builtin, declaration)
    data, own = declaration.data, builtin.data
    split = data.split if "split" in data.model_fields_set else own.split
    labels = {name: task.column or name for name, task in tasks.items()}
    unused = [column for column in builtin.label_columns().values() if column not in labels.values()]
    unused += [column for column in rule_columns(own.split) if column not in rule_columns(split)]
    ignore = tuple(dict.fromkeys([*own.ignore, *data.ignore, *unused]))
    columns: dict[str, ColumnReading] = {
        name: kind
        for name, kind in (own.columns | data.columns).items()
        if name in data.columns or (name not in ignore and name not in labels.values())
    }
    sequences = {name: part for name, part in builtin.sequences.items() if part.items not in ignore}
    source = data.model_copy(update={"split": split, "ignore": ignore, "columns": columns})
    if "sequences" in declaration.model_fields_set:
        sequences = declaration.sequences
    return declaration.model_copy(update={"data": source, "tasks": tasks, "sequences": sequences})


def _tasks(builtin: Declaration, declaration: Declaration) -> dict[str, TaskDeclaration]:
    if not declaration.tasks:
        return dict(builtin.tasks)
    tasks = {}
    for name, task in declaration.tasks.items():
        base = builtin.tasks.get(name, TaskDeclaration())
        earlier = base.after
        while earlier is not None and earlier not in tasks:  # a funnel may be declared in part
            earlier = builtin.tasks[earlier].after
        tasks[name] = base.model_copy(
            update={"after": earlier, **{key: getattr(task, key) for key in task.model_fields_set}}
        )
    return tasks
