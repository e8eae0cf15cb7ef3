"""Whether the labels of a task can train and score a model."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task
from mtl_nas.data.splits import SPLITS
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
        known = labels[~np.isnan(labels)]
        if not len(known):
            return cls()
        return cls(len(known), int((known == 1).sum()), float(known.min()), float(known.max()))

    def __add__(self, other: "LabelCounts") -> "LabelCounts":
        return LabelCounts(
            self.labels + other.labels,
            self.positives + other.positives,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )


def refuse_untrainable(task: Task, counts: Mapping[str, LabelCounts]) -> None:
    """Raise DataError where a split, by name, cannot train or score the task."""
    for split in SPLITS:
        if not counts[split].labels:
            raise DataError(f"task '{task.name}' has no label in the {split} split; change the split or drop the task")
        if task.rules.is_event and not counts[split].positives:
            raise DataError(
                f"task '{task.name}' has no positive in the {split} split; change the split or drop the task"
            )
    if counts["train"].lowest == counts["train"].highest:
        raise DataError(f"task '{task.name}' has one class: its train labels are all the same")
