"""Scores with the share that each row has in them: what a bootstrap over rows needs, without ranking anew."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task
from mtl_nas.metrics.scores import deviances, events

Floats = NDArray[np.float64]


def influence(task: Task, prediction: Floats, label: Floats) -> tuple[float, Floats] | None:
    """The main metric and psi (N,), with score(weights) = score + mean((weights - 1) psi); None where it is undefined.

    AUC by placement values (DeLong et al., 1988), the mean over a task's events; R2 and D2 by their first derivative.
    Rows without a label have none.
    """
    valid = ~np.isnan(label)
    found = (_explained if task.numeric else _mean_auc)(task, prediction[valid], label[valid])
    if found is None:
        return None
    psi = np.zeros(len(label))
    psi[valid] = found[1] * (len(label) / valid.sum())
    return found[0], psi


def _mean_auc(task: Task, prediction: Floats, label: Floats) -> tuple[float, Floats] | None:
    parts = [_auc(ranking, positive) for ranking, positive in events(task, prediction, label)]
    known = [part for part in parts if part is not None]
    if not known:
        return None
    return float(np.mean([score for score, _ in known])), np.mean([psi for _, psi in known], axis=0)


def _auc(score: NDArray[np.floating[Any]], positive: NDArray[np.bool_]) -> tuple[float, Floats] | None:
    count = int(positive.sum())
    if count in (0, len(positive)):
        return None
    psi = np.empty(len(score))
    psi[positive] = _placement(score[~positive], score[positive])
    psi[~positive] = 1.0 - _placement(score[positive], score[~positive])
    auc = float(psi[positive].mean())
    rate = count / len(positive)
    return auc, (psi - auc) / np.where(positive, rate, 1.0 - rate)


def _placement(among: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]]) -> Floats:
    """Share of ``among`` below each value, ties half."""
    ordered = np.sort(among)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return below / (2.0 * len(ordered))


def _explained(task: Task, prediction: Floats, label: Floats) -> tuple[float, Floats] | None:
    """R2 or D2; the constant it compares with is the best one, so that its own slope by the weights is zero."""
    if not len(label) or label.min() == label.max():
        return None
    error, spread = deviances(task, prediction, label)
    ratio = error.mean() / spread.mean()
    if not ratio:
        return 1.0, np.zeros(len(label))
    return 1.0 - float(ratio), ratio * (spread / spread.mean() - error / error.mean())
