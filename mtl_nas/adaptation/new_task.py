"""Rows of a new task, encoded with the column statistics of a trained network."""

from dataclasses import dataclass, replace

import numpy as np

from mtl_nas.data import (
    Declaration,
    RawTable,
    Rows,
    Schema,
    Source,
    Split,
    Task,
    TaskDeclaration,
    encode_rows,
    read_task,
    without_marks,
)
from mtl_nas.errors import DataError, DesignError
from mtl_nas.values import nearest


@dataclass(frozen=True)
class NewTask:
    """The schema of a network with the new task as its only task, and rows for training, tuning and test."""

    schema: Schema
    train: Rows
    tuning: Rows
    test: Rows

    @property
    def task(self) -> Task:
        return self.schema.tasks[0]


def load_new_task(table: RawTable, schema: Schema, name: str, *, kind: str | None, split: Split) -> NewTask:
    """Encode the labelled rows of a table with the columns of the schema.

    Labels are read from the column of the task's name; those of a group ``click@Z``, from the column ``click``.

    Raises:
        DesignError: The schema has a task of that name.
        DataError: A column or the labels are missing or cannot be used.
    """
    if split.folds is not None:
        raise DataError("a new task is learned without folds; leave folds out of the split")
    if name in schema.task_names:
        raise DesignError(f"the model predicts a task '{name}' already; give the new one another name")
    column = name if name in table else name.partition("@")[0]
    if column not in table:
        raise DataError(f"the table has no column '{column}' with labels of the new task{nearest(column, table.names)}")
    table = without_marks(table, schema.missing)
    table = table.take(np.flatnonzero(~table[column].missing))
    declared = TaskDeclaration(kind=kind, column=column)
    task, labels, parts = read_task(table, Declaration(data=Source(split=split), tasks={name: declared}))
    extended = schema.model_copy(update={"tasks": (task,)})
    rows = replace(encode_rows(table, extended, labels=False), labels=labels)
    tuning = np.concatenate([parts["tuning"], parts["choosing"]])
    return NewTask(extended, rows.take(parts["train"]), rows.take(tuning), rows.take(parts["test"]))
