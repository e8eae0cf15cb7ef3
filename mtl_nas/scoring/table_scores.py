"""Scores per task, and the one number by which designs are ranked."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Rows, Schema, Task
from mtl_nas.metrics import Influence, Score

Scores = dict[str, dict[str, Score]]  # metrics by head
Floats = NDArray[np.floating[Any]]


def score_task(task: Task, predictions: Floats, labels: Floats) -> dict[str, Score]:
    """Every metric of the task over the rows whose label (N,) is not NaN.

    Predictions are probabilities (N,) of a binary task, probabilities (N, K) of a multiclass or ordinal one, else
    numbers (N,) in the unit of the labels.
    """
    valid = ~np.isnan(labels)
    return task.rules.scores(task, predictions[valid].astype(np.float64), labels[valid].astype(np.float64))


def task_influence(task: Task, predictions: Floats, labels: Floats) -> Influence | None:
    """The main metric with the influence (N,) of each row, 0 for rows without a label; None if it is undefined."""
    valid = ~np.isnan(labels)
    influence = task.rules.influence(task, predictions[valid], labels[valid])
    if influence is None:
        return None
    psi = np.zeros(len(labels))
    psi[valid] = influence.psi * (len(labels) / valid.sum())
    return Influence(influence.score, psi)


def score_tasks(predictions: Mapping[str, Any], rows: Rows, schema: Schema) -> Scores:
    """Metrics of every head; a conditional head, ``buy|click``, is scored on the rows where its condition is 1."""
    scores: Scores = {}
    for name, values in predictions.items():
        task, given = schema.task_of(name)
        labels = rows.labels[:, schema.task_names.index(task.name)]
        if given is not None:
            labels = np.where(rows.labels[:, schema.task_names.index(given)] == 1, labels, np.nan)
        scores[name] = score_task(task, values, labels)
    return scores


def mean_score(scores: Scores, schema: Schema, weights: Mapping[str, float] | None = None) -> float:
    """The mean over tasks of the main metric, without tasks that have no score; 0 if none has.

    ``weights``: by task, all equal by default; tasks that are not named are left out.
    """
    tasks = [task for task in schema.tasks if task.name in scores and (not weights or task.name in weights)]
    weighted = [(scores[task.name][task.main_metric], (weights or {}).get(task.name, 1.0)) for task in tasks]
    defined = [(score, weight) for score, weight in weighted if score is not None and weight > 0]
    if not defined:
        return 0.0
    return float(np.average([score for score, _ in defined], weights=[weight for _, weight in defined]))
