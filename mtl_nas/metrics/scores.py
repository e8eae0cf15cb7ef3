"""Scores of one task's predictions; None where a score is not defined."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.schema import Task

Floats = NDArray[np.floating[Any]]
Score = float | None
SMALLEST = 1e-7  # a probability is kept away from 0 and 1 by this, the resolution of single precision; a rate from 0


def scores(task: Task, prediction: Floats, label: Floats) -> dict[str, Score]:
    """Every metric of the task's kind over the rows whose label is not NaN.

    binary: (N,) probabilities; multiclass and ordinal: (N, K) probabilities; numbers: (N,) in the label's own unit.
    """
    valid = ~np.isnan(label)
    known, guess = label[valid].astype(np.float64), prediction[valid].astype(np.float64)
    if task.numeric:
        return _number_scores(task, guess, known)
    found: dict[str, Score] = {"auc": _mean_auc(task, guess, known)}
    if task.kind == "binary":
        right = (guess >= 0.5) == known
        chance = np.where(known == 1, guess, 1 - guess)
    else:
        codes = known.astype(np.int64)
        right = guess.argmax(axis=1) == codes
        chance = guess[np.arange(len(codes)), codes]
    found |= {"log_loss": _mean(-np.log(np.clip(chance, SMALLEST, 1.0))), "accuracy": _mean(right)}
    if task.kind == "ordinal":
        found["mae"] = _mean(np.abs(guess @ np.arange(guess.shape[1]) - known))  # of the expected rank
    return found


def main_metric(task: Task) -> str:
    """What a task is judged by; larger is better."""
    if not task.numeric:
        return "auc"
    return "d2" if task.kind == "count" or task.loss == "quantile" else "r2"


def score(task: Task, prediction: Floats, label: Floats) -> Score:
    """The main metric alone."""
    return scores(task, prediction, label)[main_metric(task)]


def events(task: Task, prediction: Floats, label: Floats) -> list[tuple[Floats, NDArray[np.bool_]]]:
    """What ranks rows, and which are positive, (N,) each: of the positive class, of every class, of every ``y > k``.

    The AUC of a task of classes is the mean over them; several classes are one against the rest, ordered ones cumulate.
    """
    if task.kind == "binary":
        return [(prediction, label == 1)]
    codes = range(prediction.shape[1])
    if task.kind == "multiclass":
        return [(prediction[:, code], label == code) for code in codes]
    return [(prediction[:, code + 1 :].sum(axis=1), label > code) for code in codes[:-1]]


def deviances(task: Task, prediction: Floats, label: Floats) -> tuple[Floats, Floats]:
    """(N,) each: what rows cost under their predictions, and under the best constant; R2 and D2 compare their means.

    Of counts the Poisson deviance, of quantiles the pinball loss, of other numbers the squared error.
    """
    if task.kind == "count":
        return _poisson(label, prediction), _poisson(label, label.mean())
    if task.loss == "quantile":
        constant = float(np.quantile(label, task.quantile, method="inverted_cdf"))  # interpolated ones cost more
        return _pinball(label, prediction, task.quantile), _pinball(label, constant, task.quantile)
    return (label - prediction) ** 2, (label - label.mean()) ** 2


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


def _mean_auc(task: Task, guess: Floats, known: Floats) -> Score:
    areas = [auc(ranking, positive) for ranking, positive in events(task, guess, known)]
    return _mean([area for area in areas if area is not None])


def _number_scores(task: Task, guess: Floats, known: Floats) -> dict[str, Score]:
    explained: Score = None
    if len(known) and known.min() < known.max():
        error, spread = deviances(task, guess, known)
        explained = 1 - float(error.mean() / spread.mean())
    found: dict[str, Score] = {}
    if task.loss == "quantile":
        found["pinball"] = _mean(_pinball(known, guess, task.quantile))
        found["coverage"] = _mean(known <= guess)  # near the quantile where it is met
    else:
        square = _mean((guess - known) ** 2)
        found["rmse"] = None if square is None else float(np.sqrt(square))
        found["mae"] = _mean(np.abs(guess - known))
    return {**found, main_metric(task): explained}


def _poisson(label: Floats, rate: Floats | float) -> Floats:
    rate = np.maximum(rate, SMALLEST)
    logs: Floats = np.log(np.where(label > 0, label, rate) / rate)
    return 2 * (label * logs - label + rate)


def _pinball(label: Floats, guess: Floats | float, quantile: float) -> Floats:
    error = label - guess
    loss: Floats = np.maximum(quantile * error, (quantile - 1) * error)
    return loss


def _mean(values: Any) -> Score:
    return float(np.mean(values)) if len(values) else None
