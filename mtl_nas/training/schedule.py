"""Learning-rate schedules."""

import math

from mtl_nas.design import Training


def rate_factor(training: Training, progress: float) -> float:
    """Return the factor on the learning rate after a share of the work.

    >>> rate_factor(Training(schedule="linear"), 0.75)
    0.25
    """
    if progress < training.warmup:
        return (progress + 1e-3) / (training.warmup + 1e-3)
    rest = (progress - training.warmup) / (1.0 - training.warmup)
    if training.schedule == "linear":
        return 1.0 - rest
    if training.schedule == "cosine":
        return 0.5 * (1.0 + math.cos(math.pi * rest))
    return 1.0
