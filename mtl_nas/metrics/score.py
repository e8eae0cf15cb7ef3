"""Scores, and the influence that each row has on a score."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Score = float | None  # None: undefined for these rows
Floats = NDArray[np.floating[Any]]
SMALLEST = 1e-7  # lower bound of probabilities in a log loss and of rates, about the epsilon of single precision


class Influence(NamedTuple):
    """A score with psi (N,): under row weights w, the score is ``score + mean((w - 1) psi)`` to first order.

    With it, a bootstrap over rows computes no metric again.
    """

    score: float
    psi: NDArray[np.float64]


def mean_or_none(values: Floats | NDArray[np.bool_]) -> Score:
    """The mean, or None without values."""
    return float(np.mean(values)) if len(values) else None


def log_loss(label_probabilities: Floats) -> Score:
    """Mean negative logarithm of the probability that was predicted for the label of each row, (N,)."""
    return mean_or_none(-np.log(np.clip(label_probabilities, SMALLEST, 1.0)))
