"""Every task loss in plain numpy, as its paper writes it: outputs (B, K), labels (B,) with NaN -> one number.

Numbers are standardised here as the package does. All take complex outputs, so that gradients are complex steps.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy_reference import Array, sigmoid, softplus

from mtl_nas.data import Task


def mean_loss(output: Array, labels: Array, task: Task, weights: Array | None = None, positive: float = 1.0) -> Array:
    """``sum w l / sum w`` over the rows with a label, 0 where none has one."""
    valid = ~np.isnan(labels)
    if not valid.any():
        return np.zeros(())
    label = labels[valid] if task.classes else (labels[valid] - task.center) / task.scale
    losses = ROWS[task.loss](output[valid], label, task)
    if task.kind == "binary":
        losses = losses * np.where(label == 1, positive, 1.0)
    shares = np.ones(len(label)) if weights is None else weights[valid]
    return (shares * losses).sum() / shares.sum()


def bce(output: Array, label: Array, task: Task) -> Array:
    return softplus(np.where(label == 1, -output[:, 0], output[:, 0]))


def focal(output: Array, label: Array, task: Task) -> Array:
    probability = sigmoid(np.where(label == 1, output[:, 0], -output[:, 0]))
    return -((1 - probability) ** 2) * np.log(probability)


def cross_entropy(output: Array, label: Array, task: Task) -> Array:
    powers = np.exp(output)
    return np.log(powers.sum(axis=1)) - output[np.arange(len(label)), label.astype(int)]


def cumulative(output: Array, label: Array, task: Task) -> Array:
    """The probability of a class as a difference of two, which is what the package does not compute."""
    rows = len(output)
    above = np.concatenate([np.ones((rows, 1)), sigmoid(output), np.zeros((rows, 1))], axis=1)
    probabilities = above[:, :-1] - above[:, 1:]
    return -np.log(probabilities[np.arange(rows), label.astype(int)])


def mse(output: Array, label: Array, task: Task) -> Array:
    return (output[:, 0] - label) ** 2


def mae(output: Array, label: Array, task: Task) -> Array:
    return _size(output[:, 0] - label)


def huber(output: Array, label: Array, task: Task) -> Array:
    size = _size(output[:, 0] - label)
    return np.where(size.real <= 1, size**2 / 2, size - 0.5)


def quantile(output: Array, label: Array, task: Task) -> Array:
    error = label - output[:, 0]
    return np.where(error.real > 0, task.quantile * error, (task.quantile - 1) * error)


def poisson(output: Array, label: Array, task: Task) -> Array:
    return np.exp(output[:, 0]) - label * output[:, 0]


def ziln(output: Array, label: Array, task: Task) -> Array:
    """Minus the log of the density: a point of 1 - p at zero, p times a log-normal above."""
    probability, mean, deviation = sigmoid(output[:, 0]), output[:, 1], softplus(output[:, 2])
    amount = np.where(label > 0, label, 1.0)
    scaled = (np.log(amount) - mean) / deviation
    log_density = -(scaled**2) / 2 - np.log(amount * deviation * math.sqrt(2 * math.pi))
    return -np.log(np.where(label > 0, probability, 1 - probability)) - np.where(label > 0, log_density, 0.0)


def tweedie(output: Array, label: Array, task: Task) -> Array:
    """Minus the log of a compound Poisson-gamma density of power 1.5 at dispersion 1, up to a term of y alone."""
    mean = np.exp(output[:, 0])
    return 2 * label / np.sqrt(mean) + 2 * np.sqrt(mean)


ROWS: dict[str, Callable[[Array, Array, Task], Array]] = {
    loss.__name__: loss
    for loss in (bce, focal, cross_entropy, cumulative, mse, mae, huber, quantile, poisson, ziln, tweedie)
}


def _size(error: Array) -> Any:
    return np.where(error.real >= 0, error, -error)
