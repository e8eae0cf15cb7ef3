"""The second pass over labels: counts per split, and the center and scale of tasks whose labels are numbers."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.pipeline.accumulators import NumberColumns
from mtl_nas.data.pipeline.survey import Survey
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.schema import Task
from mtl_nas.data.splits import PARTS, SPLIT_OF
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


def _way_out(positives: int, *, folds: int) -> str:
    if folds > 1 and positives <= folds:
        return f"{folds + 1} are enough for {folds} folds and test rows: label more rows, say fewer folds"
    if positives < len(PARTS):
        return f"{len(PARTS)} are enough to train, tune, choose and test: label more rows"
    return "change the split (split: random gives each part its share)"


def _refuse_untrainable(task: Task, counts: Mapping[str, LabelCounts], trains: Sequence[LabelCounts]) -> None:
    """Raise DataError where a split, by name, cannot train or score the task.

    ``counts`` are those of splits without common rows, ``trains`` those of the rows that train each network.
    """
    for split, count in counts.items():
        if not count.labels:
            raise DataError(f"task '{task.name}' has no label in {split}; change the split or drop the task")
        if task.rules.is_event and not count.positives:
            positives = sum(other.positives for other in counts.values())
            way_out = _way_out(positives, folds=len(trains))
            raise DataError(
                f"task '{task.name}' has no positive in {split} and {positives} in all; {way_out}, or drop the task"
            )
    if any(train.lowest == train.highest for train in trains):
        raise DataError(f"task '{task.name}' has one class: its train labels are all the same")


class LabelStatistics:
    """Statistics of the labels of every task."""

    def __init__(self, survey: Survey, most: int | None) -> None:
        self._reader, self._survey = survey.labels, survey
        self._tasks = survey.labels.tasks
        self._counts: dict[tuple[str, str, int], LabelCounts] = defaultdict(LabelCounts)  # by task, part and fold
        self._repairs = np.zeros((len(survey.labels.funnel), 2), dtype=np.int64)
        names = [task.name for task in self._tasks if not task.rules.has_classes]
        self._measured = NumberColumns(names, np.float64, most=most)

    def add(self, batch: TableBatch) -> None:
        labels, _, repairs = self._reader.read(batch.table)
        self._repairs += repairs
        part, folds = self._survey.part[batch.rows], self._survey.fold
        fold = np.zeros_like(part) if folds is None else folds[batch.rows]
        for code, name in enumerate(PARTS):
            for number in np.unique(fold[part == code]).tolist():
                rows = labels[(part == code) & (fold == number)]
                for task, column in zip(self._tasks, rows.T, strict=True):
                    self._counts[task.name, name, number] += LabelCounts.of(column)
        train = np.flatnonzero(self._survey.trains(batch.rows))
        self._measured.add(batch.first + train, self._measured_labels(labels[train]))

    def tasks(self, *, trained: bool = True) -> tuple[Task, ...]:
        """Tasks with center and scale; ``trained``: DataError where a split cannot train or score one."""
        if trained:
            for task in self._tasks:
                self._refuse_untrainable(task)
        return tuple(map(self._with_scaling, self._tasks))

    def notes(self) -> list[str]:
        """Notes about repaired funnels, and about halves of the validation rows without a positive."""
        declaration = self._reader.declaration
        repairs = repair_notes(self._repairs, self._reader.funnel, len(self._survey.part), declaration.violations)
        return [*repairs, *(self._half_note(task, half) for task, half in self._blind_halves())]

    def _blind_halves(self) -> list[tuple[Task, str]]:
        events = [task for task in self._tasks if task.rules.is_event]
        halves = [part for part, split in SPLIT_OF.items() if split == "validation"]
        return [(task, half) for task in events for half in halves if not self._sum(task, half).positives]

    def _half_note(self, task: Task, half: str) -> str:
        use = "steer the search" if half == "tuning" else "choose between finalists"
        return f"task '{task.name}' has no positive in the {half} rows: it does not {use}"

    def _sum(self, task: Task, part: str) -> LabelCounts:
        return sum((count for key, count in self._counts.items() if key[:2] == (task.name, part)), LabelCounts())

    def _split_counts(self, task: Task) -> dict[str, LabelCounts]:
        """Counts by split, or by fold and for the test split."""
        counts: dict[str, LabelCounts] = defaultdict(LabelCounts)
        for (name, part, fold), count in sorted(self._counts.items(), key=lambda item: PARTS.index(item[0][1])):
            if name == task.name:
                held_out = self._survey.fold is not None and part != "test"
                counts[f"fold {fold + 1}" if held_out else f"the {SPLIT_OF[part]} split"] += count
        return counts

    def _measured_labels(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        columns = [
            task.rules.measured(labels[:, index], task)
            for index, task in enumerate(self._tasks)
            if not task.rules.has_classes
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(labels), 0))

    def _refuse_untrainable(self, task: Task) -> None:
        counts = self._split_counts(task)
        folds = [name for name in counts if name.startswith("fold")]
        trains = [sum((counts[other] for other in folds if other != name), LabelCounts()) for name in folds]
        _refuse_untrainable(task, counts, trains or [counts["the train split"]])

    def _with_scaling(self, task: Task) -> Task:
        if task.rules.has_classes:
            return task
        return task.model_copy(update=task.rules.scaling(task, *self._measured.mean_and_deviation(task.name)))
