"""Rows of a task that a network never saw, encoded with the statistics of the network's own train rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mtl_nas.data import Declaration, Rows, Schema, Task
from mtl_nas.data.columns.encoding import encode
from mtl_nas.data.declaration import Source, Split, TaskDeclaration
from mtl_nas.data.splits import parts
from mtl_nas.data.tasks.labels import label_kind
from mtl_nas.data.tasks.targets import scaled, targets
from mtl_nas.errors import DataError, DesignError
from mtl_nas.values import nearest


@dataclass(frozen=True)
class NewTask:
    """The columns of a network with the new task alone, and its rows for training, tuning and test."""

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
    declared = TaskDeclaration(kind=kind or label_kind(frame[column], name), column=column)
    new = targets(frame, Declaration(data=Source(split=split), tasks={name: declared}))
    indices = parts(frame, split, 0)
    task = scaled(new.tasks, new.labels, indices)[0]
    extended = schema.model_copy(update={"tasks": (task,)})
    features = encode(frame, extended, labels=False)
    rows = Rows(features.categories, features.numbers, features.sequences, new.labels.astype(np.float32))
    tuning = np.concatenate([indices["tuning"], indices["choosing"]])
    return NewTask(extended, rows.take(indices["train"]), rows.take(tuning), rows.take(indices["test"]))
