"""A table and its declaration -> a Dataset."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from mtl_nas.data.columns.encoding import features, named
from mtl_nas.data.columns.inference import infer, rule_columns
from mtl_nas.data.columns.statistics import fitted
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration, SequenceDeclaration
from mtl_nas.data.leakage import refuse_leaks
from mtl_nas.data.parsing.lists import flat
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import parts, refuse_absent_groups
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.row_weights import row_weights
from mtl_nas.data.tasks.targets import scaled, targets
from mtl_nas.errors import DataError

ID = re.compile(r"(^|[_\W])(id|code|key|nbr)s?$", re.IGNORECASE)


def prepare(name: str, table: pd.DataFrame, declaration: Declaration, *, test_rows: int = 0) -> Dataset:
    """Infer what is not declared, split, fit on the train rows, encode all, look for leaks."""
    table = named(table).reset_index(drop=True)
    declaration = infer(table, declaration)
    goals = targets(table, declaration)
    labels, weights = goals.labels[goals.kept], row_weights(table, declaration.data.weight)
    if not goals.kept.all():
        test_rows = int(goals.kept[len(table) - test_rows :].sum())
        table = table[goals.kept].reset_index(drop=True)
        weights = None if weights is None else weights[goals.kept]
    found = parts(table, declaration.data.split, test_rows)
    if declaration.data.group is not None:
        refuse_absent_groups(table, declaration.data.group, found)
    tasks = scaled(goals.tasks, labels, found)
    lists = {column: flat(table[column]) for part in declaration.sequences.values() for column in part.columns}
    (categories, numbers, sequences), notes = fitted(table, found["train"], declaration, lists)
    if not (categories or numbers or sequences):
        raise DataError("no column is left to predict from: every one is constant")
    schema = Schema(categories=categories, numbers=numbers, sequences=sequences, tasks=tasks)
    rows = features(table, schema, lists)
    rows = replace(rows, labels=labels.astype(np.float32), weights=weights)
    validation = np.concatenate([found["tuning"], found["choosing"]])
    encoded = {split: rows.take(found[split]) for split in ("train", "test")}
    refuse_equal_predictions(schema)
    refuse_leaks(encoded["train"], schema)
    declaration = complete(declaration, schema)
    return Dataset(
        name=name,
        schema=schema,
        declaration=declaration,
        notes=(*summary(declaration, encoded["train"], schema), *goals.notes, *notes),
        encoded={"train": encoded["train"], "validation": rows.take(validation), "test": encoded["test"]},
        tuning=len(found["tuning"]),
        table=table,
        parts=found,
    )


def refuse_equal_predictions(schema: Schema) -> None:
    """``stars=5`` of a class and ``buy|click`` of a condition must not be tasks of their own."""
    names = [f"{later}|{earlier}" for earlier, later in schema.nested_pairs]
    names += [column for task in schema.tasks for column in task.columns]
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise DataError(f"two predictions would be named '{twice[0]}'; rename a task")


def complete(declaration: Declaration, schema: Schema) -> Declaration:
    """What was left out is ignored from now on; lengths of sequences are those that were fitted."""
    data = declaration.data
    kept = {column.name for column in schema.categories} | {column.name for column in schema.numbers}
    columns = {name: kind for name, kind in data.columns.items() if name in kept}
    ignore = (*data.ignore, *(name for name in data.columns if name not in kept))
    sequences = {
        part.name: SequenceDeclaration(
            items=part.columns[0].name,
            properties=tuple(column.name for column in part.columns[1:]),
            length=part.length,
        )
        for part in schema.sequences
    }
    source = data.model_copy(update={"columns": columns, "ignore": ignore})
    return declaration.model_copy(update={"data": source, "sequences": sequences})


def summary(declaration: Declaration, train: Rows, schema: Schema) -> list[str]:
    """What was read, a line a thing."""
    notes = []
    for kind, plural in (("category", "categories"), ("number", "numbers")):
        names = [name for name, found in declaration.data.columns.items() if found == kind]
        if names:
            notes.append(f"{len(names)} {kind if len(names) == 1 else plural}: {_listed(names)}")
    for place, number in enumerate(schema.numbers):
        values = train.numbers[:, place]
        if ID.search(number.name) and bool((values[~np.isnan(values)] % 1 == 0).all()):
            notes.append(f"column '{number.name}' is read as a number: say category, or ignore it, if it is an id")
    for name, sequence in declaration.sequences.items():
        notes.append(f"sequence '{name}': {_listed(sequence.columns)}, the latest {sequence.length}")
    left_out = [name for name in rule_columns(declaration.data.split) if name not in declaration.data.columns]
    notes += [f"column '{name}' decides the split and is no feature" for name in left_out]
    if declaration.data.weight is not None:
        notes.append(f"column '{declaration.data.weight}' weighs the rows in the losses, not in the scores")
    for place, task in enumerate(schema.tasks):
        labels = train.labels[:, place]
        known = labels[~np.isnan(labels)]
        rows = "" if len(known) == len(labels) else f", labelled in {100 * len(known) / len(labels):.3g} % of the rows"
        notes.append(f"task '{task.name}': {task.kind}, {task.rules.description(task, known)}{rows}")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
