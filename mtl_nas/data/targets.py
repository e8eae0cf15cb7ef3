"""Label columns -> tasks and one matrix of labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data import levels
from mtl_nas.data.declaration import Declaration, TaskDeclaration
from mtl_nas.data.labels import label_classes, label_codes, outside, refuse_impossible
from mtl_nas.data.nesting import nested
from mtl_nas.data.schema import Task
from mtl_nas.data.splits import Parts
from mtl_nas.errors import DataError

MOST_GROUPS = 100


@dataclass(frozen=True)
class Targets:
    """Tasks, their labels (N, T) with NaN for missing ones, the rows to keep, and what changed."""

    tasks: tuple[Task, ...]
    labels: NDArray[np.float64]
    kept: NDArray[np.bool_]
    notes: tuple[str, ...]


def targets(table: pd.DataFrame, declaration: Declaration) -> Targets:
    """Labels by their declared kinds, funnels mended, sample spaces applied, groups made tasks of their own."""
    tasks = tuple(_task(table, name, task) for name, task in declaration.tasks.items())
    by_name = {task.name: task for task in tasks}
    for task in tasks:
        for word, other in (("after", task.after), ("where", task.where)):
            if other is not None and by_name[other].kind != "binary":
                raise DataError(
                    f"task '{task.name}' is {word} '{other}', which is {by_name[other].kind}; a binary task can be"
                )
        if task.after is not None and task.kind != "binary":
            raise DataError(f"task '{task.name}' is {task.kind} and after '{task.after}'; say where: {task.after}")
    columns = [
        label_codes(table[column], task.kind, task.classes)
        for task, column in zip(tasks, declaration.label_columns().values(), strict=True)
    ]
    pairs = [(task.after, task.name) for task in tasks if task.after is not None]
    labels, kept, notes = nested(np.stack(columns, axis=1), list(by_name), pairs, declaration.violations)
    labels[outside(labels, tasks)] = np.nan
    refuse_impossible(labels, tasks)
    if declaration.data.group is not None:
        tasks, labels = _by_group(table, declaration.data.group, tasks, labels)
    return Targets(tasks, labels, kept, tuple(notes))


def scaled(tasks: Sequence[Task], labels: NDArray[np.float64], parts: Parts) -> tuple[Task, ...]:
    """Tasks with the moments of their train labels; DataError where a split cannot train or judge one."""
    found = []
    for place, task in enumerate(tasks):
        shown = {split: _known(labels[rows, place]) for split, rows in parts.items()}
        shown["validation"] = np.concatenate([shown["tuning"], shown["choosing"]])
        for split in ("train", "validation", "test"):
            if not len(shown[split]):
                raise DataError(
                    f"task '{task.name}' has no label in the {split} split; change the split or drop the task"
                )
            if task.kind == "binary" and not (shown[split] == 1).any():
                raise DataError(
                    f"task '{task.name}' has no positive in the {split} split; change the split or drop the task"
                )
        train = shown["train"]
        if train.min() == train.max():
            raise DataError(f"task '{task.name}' has one class: its train labels are all the same")
        found.append(task.model_copy(update=_moments(task, train)) if task.numeric else task)
    return tuple(found)


def _moments(task: Task, train: NDArray[np.float64]) -> dict[str, float]:
    """What labels are shifted and divided by; counts and amounts keep their zero."""
    if task.kind == "count":
        return {"scale": float(train.mean())}
    if task.loss == "ziln":
        return {"scale": float(train[train > 0].mean())}
    return {"center": float(train.mean()), "scale": float(train.std())}


def _task(table: pd.DataFrame, name: str, task: TaskDeclaration) -> Task:
    kind = task.kind or "binary"
    classes = label_classes(table[task.column or name], name, kind, task.positive, task.order)
    found = Task(name=name, kind=kind, after=task.after, where=task.where, family=task.family, classes=classes)
    chosen = {"loss": task.loss, "quantile": task.quantile}
    return found.model_copy(update={key: value for key, value in chosen.items() if value is not None})


def _by_group(
    table: pd.DataFrame, column: str, tasks: tuple[Task, ...], labels: NDArray[np.float64]
) -> tuple[tuple[Task, ...], NDArray[np.float64]]:
    """A task for every task and group, ``click@A``, labelled in the rows of that group; one group is one family."""
    codes, texts = levels.coded(table[column])
    groups = levels.ordered(set(texts))
    if not 1 < len(groups) <= MOST_GROUPS:
        raise DataError(f"group '{column}' has {len(groups)} values; every one becomes a task: 2 to {MOST_GROUPS}")
    if (codes < 0).any():
        raise DataError(f"group '{column}' is missing in {(codes < 0).sum()} rows; every row belongs to a task")
    names = np.array(texts, dtype=object)[codes]
    found, masked = [], []
    for group in groups:
        for place, task in enumerate(tasks):
            references = {
                word: None if other is None else f"{other}@{group}"
                for word, other in (("after", task.after), ("where", task.where))
            }
            own = {"name": f"{task.name}@{group}", "family": task.family or group}
            found.append(task.model_copy(update={**own, **references}))
            masked.append(np.where(names == group, labels[:, place], np.nan))
    return tuple(found), np.stack(masked, axis=1)


def _known(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    return labels[~np.isnan(labels)]
