"""Notes on what was read from a table."""

import re
from collections.abc import Sequence

import numpy as np

from mtl_nas.data.columns.inference import rule_columns
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.rows import Rows

ID_NAME = re.compile(r"(^|[_\W])(id|code|key|nbr)s?$", re.IGNORECASE)


def summary(declaration: Declaration, train: Rows, schema: Schema) -> list[str]:
    """One note per kind of column, history, rule and task, and per number that may be an id."""
    notes = []
    for kind, plural in (("category", "categories"), ("number", "numbers")):
        names = [name for name, column_kind in declaration.data.columns.items() if column_kind == kind]
        if names:
            notes.append(f"{len(names)} {kind if len(names) == 1 else plural}: {_listed(names)}")
    for index, number in enumerate(schema.numbers):
        values = train.numbers[:, index]
        if ID_NAME.search(number.name) and bool((values[~np.isnan(values)] % 1 == 0).all()):
            notes.append(f"column '{number.name}' is read as a number: say category, or ignore it, if it is an id")
    for name, sequence in declaration.sequences.items():
        notes.append(f"sequence '{name}': {_listed(sequence.columns)}, the latest {sequence.length}")
    left_out = [name for name in rule_columns(declaration.data.split) if name not in declaration.data.columns]
    notes += [f"column '{name}' decides the split and is no feature" for name in left_out]
    if declaration.data.weight is not None:
        notes.append(f"column '{declaration.data.weight}' weighs the rows in the losses, not in the scores")
    for index, task in enumerate(schema.tasks):
        labels = train.labels[:, index]
        present = labels[~np.isnan(labels)]
        share = 100 * len(present) / len(labels)
        rows = "" if len(present) == len(labels) else f", labelled in {share:.3g} % of the rows"
        notes.append(f"task '{task.name}': {task.kind}, {task.rules.description(task, present)}{rows}")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
