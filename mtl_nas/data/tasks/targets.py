"""Label columns -> tasks and one matrix of labels."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.declaration import Declaration, TaskDeclaration
from mtl_nas.data.parsing import category_text
from mtl_nas.data.schema import Task
from mtl_nas.data.splits import Parts
from mtl_nas.data.tasks.funnel import nested
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.data.tasks.labels import outside, refuse_impossible
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
    tasks = declared_tasks(table, declaration)
    codes = coded(table, tasks, declaration)
    labels, kept, notes = nested(codes, [task.name for task in tasks], funnel(tasks), declaration.violations)
    labels = settled(labels, tasks)
    if declaration.data.group is not None:
        groups = found_groups(table[declaration.data.group])
        tasks, labels = by_group(tasks, groups), masked(labels, table[declaration.data.group], groups)
    return Targets(tasks, labels, kept, tuple(notes))


def declared_tasks(table: Mapping[str, "pd.Series[Any]"] | pd.DataFrame, declaration: Declaration) -> tuple[Task, ...]:
    """Tasks with their classes, from label columns in which each label may stand once."""
    tasks = tuple(_task(table, name, task) for name, task in declaration.tasks.items())
    by_name = {task.name: task for task in tasks}
    for task in tasks:
        for word, other in (("after", task.after), ("where", task.where)):
            if other is not None and not by_name[other].rules.is_event:
                raise DataError(
                    f"task '{task.name}' is {word} '{other}', which is {by_name[other].kind}; a binary task can be"
                )
        if task.after is not None and not task.rules.is_event:
            raise DataError(f"task '{task.name}' is {task.kind} and after '{task.after}'; say where: {task.after}")
    return tasks


def funnel(tasks: Sequence[Task]) -> list[tuple[str, str]]:
    """(earlier, later) of the tasks that are declared after another."""
    return [(task.after, task.name) for task in tasks if task.after is not None]


def coded(table: pd.DataFrame, tasks: Sequence[Task], declaration: Declaration) -> NDArray[np.float64]:
    """(N, T) labels as they stand in the table."""
    columns = [
        task.rules.codes(table[column], task.classes)
        for task, column in zip(tasks, declaration.label_columns().values(), strict=True)
    ]
    return np.stack(columns, axis=1)


def settled(labels: NDArray[np.float64], tasks: Sequence[Task]) -> NDArray[np.float64]:
    """(N, T) labels without those outside their sample space; DataError where one cannot be."""
    labels[outside(labels, tasks)] = np.nan
    refuse_impossible(labels, tasks)
    return labels


def scaled(tasks: Sequence[Task], labels: NDArray[np.float64], parts: Parts) -> tuple[Task, ...]:
    """Tasks with the moments of their train labels; DataError where a split cannot train or judge one."""
    found = []
    for place, task in enumerate(tasks):
        shown = {split: _known(labels[rows, place]) for split, rows in parts.items()}
        shown["validation"] = np.concatenate([shown["tuning"], shown["choosing"]])
        refuse_unfit(task, {split: Shown.of(known) for split, known in shown.items()})
        found.append(task.model_copy(update=moments(task, shown["train"])))
    return tuple(found)


@dataclass(frozen=True)
class Shown:
    """What labels of a task in one split must tell: how many there are, how many are 1, the least and the largest."""

    labels: int
    positives: int
    lowest: float
    highest: float

    @classmethod
    def of(cls, known: NDArray[np.float64]) -> "Shown":
        """Of labels that are not missing."""
        ends = (float(known.min()), float(known.max())) if len(known) else (math.inf, -math.inf)
        return cls(len(known), int((known == 1).sum()), *ends)

    def __add__(self, other: "Shown") -> "Shown":
        ends = min(self.lowest, other.lowest), max(self.highest, other.highest)
        return Shown(self.labels + other.labels, self.positives + other.positives, *ends)


def refuse_unfit(task: Task, shown: Mapping[str, Shown]) -> None:
    """DataError where a split (train, validation, test) cannot train or judge the task."""
    for split in ("train", "validation", "test"):
        if not shown[split].labels:
            raise DataError(f"task '{task.name}' has no label in the {split} split; change the split or drop the task")
        if task.rules.is_event and not shown[split].positives:
            raise DataError(
                f"task '{task.name}' has no positive in the {split} split; change the split or drop the task"
            )
    if shown["train"].lowest == shown["train"].highest:
        raise DataError(f"task '{task.name}' has one class: its train labels are all the same")


def moments(task: Task, train: NDArray[np.float64]) -> dict[str, float]:
    """What labels are shifted and divided by; counts and amounts keep their zero."""
    measured = task.rules.measured(train, task)
    measured = measured[~np.isnan(measured)]
    return task.rules.scaling(task, float(measured.mean()), float(measured.std()))


def _task(table: Mapping[str, "pd.Series[Any]"] | pd.DataFrame, name: str, task: TaskDeclaration) -> Task:
    kind = task.kind or "binary"
    classes = KINDS[kind].classes(table[task.column or name], name, positive=task.positive, order=task.order)
    found = Task(name=name, kind=kind, after=task.after, where=task.where, family=task.family, classes=classes)
    chosen = {"loss": task.loss, "quantile": task.quantile}
    return found.model_copy(update={key: value for key, value in chosen.items() if value is not None})


def found_groups(values: "pd.Series[Any]") -> tuple[str, ...]:
    """The groups of a column, each of which makes tasks of its own."""
    codes, texts = category_text.coded(values)
    groups = category_text.ordered(set(texts))
    if not 1 < len(groups) <= MOST_GROUPS:
        raise DataError(f"group '{values.name}' has {len(groups)} values; every one becomes a task: 2 to {MOST_GROUPS}")
    if (codes < 0).any():
        raise DataError(f"group '{values.name}' is missing in {(codes < 0).sum()} rows; every row belongs to a task")
    return groups


def by_group(tasks: Sequence[Task], groups: Sequence[str]) -> tuple[Task, ...]:
    """A task for every task and group, ``click@A``; one group is one family."""
    found = []
    for group in groups:
        for task in tasks:
            references = {
                word: None if other is None else f"{other}@{group}"
                for word, other in (("after", task.after), ("where", task.where))
            }
            own = {"name": f"{task.name}@{group}", "family": task.family or group}
            found.append(task.model_copy(update={**own, **references}))
    return tuple(found)


def masked(labels: NDArray[np.float64], values: "pd.Series[Any]", groups: Sequence[str]) -> NDArray[np.float64]:
    """(N, T) labels -> (N, groups * T): a task of a group is labelled in the rows of that group."""
    place = category_text.ids(values, tuple(groups), 0)
    return np.concatenate([np.where((place == one)[:, None], labels, np.nan) for one in range(len(groups))], axis=1)


def _known(labels: NDArray[np.float64]) -> NDArray[np.float64]:
    return labels[~np.isnan(labels)]
