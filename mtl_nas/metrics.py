"""Scores of one task's predictions; None where a score is not defined."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task

Floats = NDArray[np.floating[Any]]
Score = float | None
SMALLEST = 1e-7  # a probability is kept away from 0 and 1 by this, the resolution of single precision


def scores(task: Task, prediction: Floats, label: Floats) -> dict[str, Score]:
    """Every metric of the task's kind over the rows whose label is not NaN.

    binary: (N,) probabilities; multiclass: (N, K) probabilities; regression: (N,) in the label's own unit.
    """
    valid = ~np.isnan(label)
    known, guess = label[valid].astype(np.float64), prediction[valid].astype(np.float64)
    if task.kind == "regression":
        return _regression(guess, known)
    if task.kind == "binary":
        right = (guess >= 0.5) == known
        chance = np.where(known == 1, guess, 1 - guess)
        area = auc(guess, known)
    else:
        codes = known.astype(np.int64)
        right = guess.argmax(axis=1) == codes
        chance = guess[np.arange(len(codes)), codes]
        areas = [auc(guess[:, code], codes == code) for code in range(guess.shape[1])]
        area = _mean([found for found in areas if found is not None])
    log_loss = -np.log(np.clip(chance, SMALLEST, 1.0))
    return {"auc": area, "log_loss": _mean(log_loss), "accuracy": _mean(right)}


def main_metric(task: Task) -> str:
    """What a task is judged by; larger is better."""
    return "r2" if task.kind == "regression" else "auc"


def score(task: Task, prediction: Floats, label: Floats) -> Score:
    """The main metric alone."""
    return scores(task, prediction, label)[main_metric(task)]


def auc(ranking: Floats, positive: NDArray[Any]) -> Score:
    """The chance that a positive stands above a negative, ties counting half; None without both.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]))
    0.875
    """
    chosen = np.asarray(positive) == 1
    positives = int(chosen.sum())
    negatives = len(chosen) - positives
    if not positives or not negatives:
        return None
    order = np.argsort(ranking)
    ordered = ranking[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(starts, append=len(ordered))
    found = np.add.reduceat(chosen[order].astype(np.int64), starts)
    ranks = starts + (sizes + 1) / 2  # the middle rank of each run of ties
    return float((found @ ranks - positives * (positives + 1) / 2) / (positives * negatives))


def _regression(guess: Floats, known: Floats) -> dict[str, Score]:
    error = guess - known
    square = _mean(error**2)
    spread = _mean((known - known.mean()) ** 2) if len(known) else None
    return {
        "rmse": None if square is None else float(np.sqrt(square)),
        "mae": _mean(np.abs(error)),
        "r2": 1 - square / spread if square is not None and spread else None,
    }


def _mean(values: Any) -> Score:
    return float(np.mean(values)) if len(values) else None
