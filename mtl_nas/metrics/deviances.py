"""Deviances of numbers, (N,) each, and the share of the deviance that a prediction explains: R2 and D2."""

import numpy as np

from mtl_nas.metrics.score import SMALLEST, Floats, Influence


def squared_error(labels: Floats, predictions: Floats | float) -> Floats:
    """(label - prediction)^2; the best constant is the mean."""
    error: Floats = (labels - predictions) ** 2
    return error


def poisson_deviance(labels: Floats, rates: Floats | float) -> Floats:
    """2 (y log(y / rate) - y + rate); the best constant is the mean."""
    rates = np.maximum(rates, SMALLEST)
    logs: Floats = np.log(np.where(labels > 0, labels, rates) / rates)
    return 2 * (labels * logs - labels + rates)


def pinball_loss(labels: Floats, predictions: Floats | float, quantile: float) -> Floats:
    """The loss of a quantile (Koenker and Bassett, 1978); the best constant is the quantile of the labels."""
    error = labels - predictions
    loss: Floats = np.maximum(quantile * error, (quantile - 1) * error)
    return loss


def explained(deviance: Floats, constant_deviance: Floats) -> float:
    """One minus the deviance of predictions over that of the best constant."""
    return 1 - float(deviance.mean() / constant_deviance.mean())


def explained_influence(deviance: Floats, constant_deviance: Floats) -> Influence:
    """``explained`` with the influence of each row: its first derivative by the weight of the row.

    The constant is the best one, so that its own derivative by the weights is zero.
    """
    ratio = deviance.mean() / constant_deviance.mean()
    if not ratio:
        return Influence(1.0, np.zeros(len(deviance)))
    psi = ratio * (constant_deviance / constant_deviance.mean() - deviance / deviance.mean())
    return Influence(1.0 - float(ratio), psi)
