"""Scores of predictions for a table's rows: of every task, and the one number that designs are ranked by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtl_nas.data import Rows, Schema
from mtl_nas.metrics.scores import main_metric, scores

Scores = dict[str, dict[str, float | None]]  # metrics by head


def score_tasks(predictions: dict[str, Any], rows: Rows, schema: Schema) -> Scores:
    """Metrics of every head; a conditional one, ``buy|click``, on the rows where its condition is 1."""
    found: Scores = {}
    for name, values in predictions.items():
        task, given = schema.task_of(name)
        labels = rows.labels[:, schema.task_names.index(task.name)]
        if given is not None:
            labels = np.where(rows.labels[:, schema.task_names.index(given)] == 1, labels, np.nan)
        found[name] = scores(task, values, labels)
    return found


def mean_score(found: Scores, schema: Schema, weights: Mapping[str, float] | None = None) -> float:
    """The mean over tasks of the main metric, of all alike or by their weights; undefined ones are left out."""
    tasks = [task for task in schema.tasks if task.name in found and (not weights or task.name in weights)]
    values = [(found[task.name][main_metric(task)], (weights or {}).get(task.name, 1.0)) for task in tasks]
    known = [(value, weight) for value, weight in values if value is not None and weight > 0]
    if not known:
        return 0.0
    return float(np.average([value for value, _ in known], weights=[weight for _, weight in known]))
