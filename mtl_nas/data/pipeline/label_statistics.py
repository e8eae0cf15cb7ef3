"""The second pass over labels: counts per split, and the center and scale of tasks whose labels are numbers."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.pipeline.accumulators import NumberColumns
from mtl_nas.data.pipeline.survey import Survey
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.schema import Task
from mtl_nas.data.splits import PARTS, SPLIT_OF, SPLITS
from mtl_nas.data.tasks.funnel import repair_notes
from mtl_nas.errors import DataError


@dataclass(frozen=True)
class LabelCounts:
    """Counts and range of the labels of a task in one split."""

    labels: int = 0
    positives: int = 0  # labels that are 1
    lowest: float = math.inf
    highest: float = -math.inf

    @classmethod
    def of(cls, labels: NDArray[np.float64]) -> "LabelCounts":
        """Counts of (N,) labels; NaN is no label."""
        present = labels[~np.isnan(labels)]
        if not len(present):
            return cls()
        return cls(len(present), int((present == 1).sum()), float(present.min()), float(present.max()))

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        return LabelCounts(
            self.labels + other.labels,
            self.positives + other.positives,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )


def _way_out(counts: Mapping[str, LabelCounts]) -> str:
    """How many rows are positive, and what to do so that each split has one."""
    positives = sum(count.positives for count in counts.values())
    if positives < len(PARTS):
        return f"{positives} in all; {len(PARTS)} are enough to train, tune, choose and test: label more rows"
    return f"{positives} in all; change the split (split: random gives each part its share)"


def _refuse_untrainable(task: Task, counts: Mapping[str, LabelCounts]) -> None:
    """Raise DataError where a split, by name, cannot train or score the task."""
    for split in SPLITS:
        if not counts[split].labels:
            raise DataError(f"task '{task.name}' has no label in the {split} split; change the split or drop the task")
        if task.rules.is_event and not counts[split].positives:
            raise DataError(
                f"task '{task.name}' has no positive in the {split} split and {_way_out(counts)}, or drop the task"
            )
    if counts["train"].lowest == counts["train"].highest:
        raise DataError(f"task '{task.name}' has one class: its train labels are all the same")


class LabelStatistics:
    """Statistics of the labels of every task."""

    def __init__(self, survey: Survey, most: int | None) -> None:
        self._reader, self._part = survey.labels, survey.part
        self._tasks = survey.labels.tasks
        self._counts = {(task.name, part): LabelCounts() for task in self._tasks for part in PARTS}
        self._repairs = np.zeros((len(survey.labels.funnel), 2), dtype=np.int64)
        names = [task.name for task in self._tasks if not task.rules.has_classes]
        self._measured = NumberColumns(names, np.float64, most=most)

    def add(self, batch: TableBatch) -> None:
        labels, _, repairs = self._reader.read(batch.table)
        self._repairs += repairs
        part = self._part[batch.rows]
        for code, name in enumerate(PARTS):
            for task, column in zip(self._tasks, labels[part == code].T, strict=True):
                self._counts[task.name, name] += LabelCounts.of(column)
        train = np.flatnonzero(part == 0)
        self._measured.add(batch.first + train, self._measured_labels(labels[train]))

    def tasks(self) -> tuple[Task, ...]:
        """Tasks with center and scale; DataError where a split cannot train or score one."""
        return tuple(map(self._with_scaling, self._tasks))

    def notes(self) -> list[str]:
        """Notes about repaired funnels, and about halves of the validation rows without a positive."""
        declaration = self._reader.declaration
        repairs = repair_notes(self._repairs, self._reader.funnel, len(self._part), declaration.violations)
        return [*repairs, *(self._half_note(task, half) for task, half in self._blind_halves())]

    def _blind_halves(self) -> list[tuple[Task, str]]:
        events = [task for task in self._tasks if task.rules.is_event]
        halves = [part for part, split in SPLIT_OF.items() if split == "validation"]
        return [(task, half) for task in events for half in halves if not self._counts[task.name, half].positives]

    def _half_note(self, task: Task, half: str) -> str:
        use = "steer the search" if half == "tuning" else "choose between finalists"
        return f"task '{task.name}' has no positive in the {half} rows: it does not {use}"

    def _split_counts(self, task: Task) -> dict[str, LabelCounts]:
        counts = dict.fromkeys(SPLITS, LabelCounts())
        for part in PARTS:
            counts[SPLIT_OF[part]] += self._counts[task.name, part]
        return counts

    def _measured_labels(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [
            task.rules.measured(labels[:, index], task)
            for index, task in enumerate(self._tasks)
            if not task.rules.has_classes
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(labels), 0))

    def _with_scaling(self, task: Task) -> Task:
        _refuse_untrainable(task, self._split_counts(task))
        if task.rules.has_classes:
            return task
        return task.model_copy(update=task.rules.scaling(task, *self._measured.mean_and_deviation(task.name)))
