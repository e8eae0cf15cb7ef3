"""Scores with the share that each row has in them: what a bootstrap over rows needs, without ranking anew."""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task

Floats = NDArray[np.float64]


def influence(task: Task, prediction: Floats, label: Floats) -> tuple[float, Floats] | None:
    """The main metric and psi (N,), with score(weights) = score + mean((weights - 1) psi); None where it is undefined.

    AUC by placement values (DeLong et al., 1988), several classes one against the rest; R2 by its first derivative.
    Rows without a label have none.
    """
    valid = ~np.isnan(label)
    if task.kind == "regression":
        found = _r2(prediction[valid], label[valid])
    elif task.kind == "binary":
        found = _auc(prediction[valid], label[valid] == 1)
    else:
        parts = [_auc(prediction[valid, code], label[valid] == code) for code in range(len(task.classes))]
        known = [part for part in parts if part is not None]
        found = (
            (float(np.mean([score for score, _ in known])), np.mean([psi for _, psi in known], axis=0))
            if known
            else None
        )
    if found is None:
        return None
    psi = np.zeros(len(label))
    psi[valid] = found[1] * (len(label) / valid.sum())
    return found[0], psi


def _auc(score: Floats, positive: NDArray[np.bool_]) -> tuple[float, Floats] | None:
    count = int(positive.sum())
    if count in (0, len(positive)):
        return None
    psi = np.empty(len(score))
    psi[positive] = _placement(score[~positive], score[positive])
    psi[~positive] = 1.0 - _placement(score[positive], score[~positive])
    auc = float(psi[positive].mean())
    rate = count / len(positive)
    return auc, (psi - auc) / np.where(positive, rate, 1.0 - rate)


def _placement(among: Floats, values: Floats) -> Floats:
    """Share of ``among`` below each value, ties half."""
    ordered = np.sort(among)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return below / (2.0 * len(ordered))


def _r2(prediction: Floats, label: Floats) -> tuple[float, Floats] | None:
    if len(label) < 2 or label.var() == 0:
        return None
    error, spread = (label - prediction) ** 2, (label - label.mean()) ** 2
    ratio = error.mean() / spread.mean()
    return 1.0 - ratio, ratio * (spread / spread.mean() - error / error.mean()) if error.mean() else np.zeros(
        len(label)
    )
