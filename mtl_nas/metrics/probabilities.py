"""Metrics of predicted classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.metrics.score import SMALLEST, Floats, Score, mean_or_none


def log_loss(label_probabilities: Floats) -> Score:
    """Mean negative logarithm of the probability that was predicted for the label of each row, (N,)."""
    return mean_or_none(-np.log(np.clip(label_probabilities, SMALLEST, 1.0)))


def accuracy(predicted: NDArray[np.integer[Any]], labels: Floats) -> Score:
    """The share of rows whose predicted class is the label."""
    return mean_or_none(predicted == labels)
