"""Rows of a new task, encoded with the column statistics of a trained network."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mtl_nas.data import Declaration, Rows, Schema, Source, Split, Task, TaskDeclaration, encode_rows, read_task
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


def load_new_task(frame: pd.DataFrame, schema: Schema, name: str, *, kind: str | None, split: Split) -> NewTask:
    """Encode the labelled rows of a table with the columns of the schema.

    Labels are read from the column of the task's name; those of a group ``click@Z``, from the column ``click``.

    Raises:
        DesignError: The schema has a task of that name.
        DataError: A column or the labels are missing or cannot be used.
    """
    if name in schema.task_names:
        raise DesignError(f"the model knows the task '{name}' already; give the new one another name")
    frame = frame.reset_index(drop=True)
    column = name if name in frame else name.partition("@")[0]
    if column not in frame:
        raise DataError(
            f"the table has no column '{column}' with labels of the new task{nearest(column, map(str, frame.columns))}"
        )
    frame = frame[frame[column].notna()].reset_index(drop=True)
    declared = TaskDeclaration(kind=kind, column=column)
    task, labels, parts = read_task(frame, Declaration(data=Source(split=split), tasks={name: declared}))
    extended = schema.model_copy(update={"tasks": (task,)})
    rows = replace(encode_rows(frame, extended, labels=False), labels=labels)
    tuning = np.concatenate([parts["tuning"], parts["choosing"]])
    return NewTask(extended, rows.take(parts["train"]), rows.take(tuning), rows.take(parts["test"]))
