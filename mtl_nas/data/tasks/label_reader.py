"""Label columns -> one matrix of labels, a batch of rows at a time."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mtl_nas.data.declaration import Declaration, TaskDeclaration
from mtl_nas.data.parsing.raw import RawColumn, RawTable
from mtl_nas.data.schema import Task, nested_pairs
from mtl_nas.data.tasks.funnel import RepairedLabels, repair
from mtl_nas.data.tasks.groups import labels_by_group, tasks_by_group
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.data.tasks.labels import outside_sample_space, refuse_impossible
from mtl_nas.errors import DataError


@dataclass(frozen=True)
class LabelReader:
    """How labels are read: by kind, with funnels repaired, sample spaces applied and a column per group and task."""

    declaration: Declaration
    declared: tuple[Task, ...]  # one task per label column
    groups: tuple[str, ...]

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of the schema, one per column of the labels."""
        return tasks_by_group(self.declared, self.groups) if self.groups else self.declared

    @property
    def funnel(self) -> tuple[tuple[str, str], ...]:
        """(earlier, later) of the declared tasks that are nested."""
        return nested_pairs(self.declared)

    def repaired(self, table: RawTable) -> RepairedLabels:
        """Labels per label column, with the funnel repaired."""
        columns = self.declaration.label_columns().values()
        codes = [task.label_codes(table[column]) for task, column in zip(self.declared, columns, strict=True)]
        return repair(np.stack(codes, axis=1), [task.name for task in self.declared], self.funnel)

    def read(self, table: RawTable) -> RepairedLabels:
        """Labels as they are encoded; DataError naming the first row with an impossible label."""
        repaired = self.repaired(table)
        labels = repaired.labels
        labels[outside_sample_space(labels, self.declared)] = np.nan
        refuse_impossible(labels, self.declared)
        group = self.declaration.data.group
        if group is not None:
            labels = labels_by_group(labels, table[group], self.groups)
        return repaired._replace(labels=labels)


def declared_tasks(
    labels: Mapping[str, RawColumn], origins: Mapping[str, float], declaration: Declaration
) -> tuple[Task, ...]:
    """Tasks with their classes, from the distinct labels and the smallest number of each label column.

    ``origins`` are those of ``ColumnProfile``.
    """
    columns = declaration.label_columns()
    tasks = tuple(
        _task(labels[columns[name]], origins[columns[name]], name, task) for name, task in declaration.tasks.items()
    )
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


def _task(labels: RawColumn, origin: float, name: str, declared: TaskDeclaration) -> Task:
    assert declared.kind is not None
    kind = KINDS[declared.kind]
    classes = kind.classes(labels, name, getattr(declared, kind.option) if kind.option else None)
    task = Task(
        name=name, kind=kind.name, after=declared.after, where=declared.where, family=declared.family, classes=classes
    )
    options = {"loss": declared.loss, "quantile": declared.quantile}
    task = task.model_copy(update={key: value for key, value in options.items() if value is not None})
    return task.model_copy(update={"origin": kind.label_origin(task, origin)})
