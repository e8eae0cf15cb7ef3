"""A task that a model never saw, and its rows, encoded as the model encodes."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from mtl_nas.data import Declaration, Rows, Schema
from mtl_nas.data.columns.encoding import encode
from mtl_nas.data.declaration import Source, Split, TaskDeclaration
from mtl_nas.data.splits import parts
from mtl_nas.data.tasks.labels import label_kind
from mtl_nas.data.tasks.targets import scaled, targets
from mtl_nas.errors import DataError
from mtl_nas.values import nearest


@dataclass(frozen=True)
class Newcomer:
    """The model's columns with one task, and rows to train, to tune and to test."""

    schema: Schema
    train: Rows
    tuning: Rows
    test: Rows


def newcomer(frame: pd.DataFrame, schema: Schema, name: str, kind: str | None, split: Split) -> Newcomer:
    """From a table with the model's columns and the labels of the task; ``click@Z`` reads the column ``click``."""
    frame = frame.reset_index(drop=True)
    column = name if name in frame else name.partition("@")[0]
    if column not in frame:
        raise DataError(
            f"the table has no column '{column}' with labels of the new task{nearest(column, map(str, frame.columns))}"
        )
    frame = frame[frame[column].notna()].reset_index(drop=True)
    declared = TaskDeclaration(kind=kind or label_kind(frame[column], name), column=column)
    declaration = Declaration(data=Source(split=split), tasks={name: declared})
    goals = targets(frame, declaration)
    found = parts(frame, split, 0)
    task = scaled(goals.tasks, goals.labels, found)[0]
    alone = schema.model_copy(update={"tasks": (task,)})
    read = encode(frame, alone, labels=False)
    rows = Rows(read.categories, read.numbers, read.sequences, goals.labels.astype(np.float32))
    tuning = np.concatenate([found["tuning"], found["choosing"]])
    return Newcomer(alone, rows.take(found["train"]), rows.take(tuning), rows.take(found["test"]))
