"""How far the predictions of an exported file are from those of the model."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Rows, Schema, Task
from mtl_nas.exports.ensemble_folder import Member, common_heads
from mtl_nas.model import predict_rows

CHECKED_ROWS = 257  # another batch size than that of a traced graph


def largest_difference(
    outputs: Mapping[str, NDArray[Any]], members: Sequence[Member], rows: Rows, schema: Schema
) -> float:
    """The largest difference in probability, or in units of a task's scale.

    Args:
        outputs: Predictions by head, in the units of the labels.
        members: The networks, whose predictions are averaged.
        rows: The encoded rows that were predicted.
        schema: The tasks.
    """
    predicted = [predict_rows(member.network, rows, schema) for member in members]
    largest = 0.0
    for head in common_heads(members):
        task = schema.task_of(head)[0]
        expected = np.sum([member.share * part[head] for member, part in zip(members, predicted, strict=True)], axis=0)
        difference = np.abs(outputs[head] - task.origin - expected) / _unit(expected, task)
        largest = float(np.maximum(largest, difference.max()))  # NaN stays
    return largest


def _unit(expected: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """The unit of a difference: 1 for probabilities; for numbers the task's scale, or their own size if larger."""
    if task.rules.has_classes:
        return np.ones_like(expected)
    return np.maximum(task.scale, np.abs(expected - task.center))
