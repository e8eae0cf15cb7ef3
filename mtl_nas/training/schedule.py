"""Learning-rate schedules."""

import math

from mtl_nas.design import Training


def rate_factor(training: Training, progress: float) -> float:
    """Return the factor on the learning rate after a share of the work.

    ``flat_cosine`` and ``coslog4`` are schedules of RealMLP (Holzmueller et al., 2024): ``coslog4`` rises from zero and
    falls to it four times, at 1, 3, 7 and 15 fifteenths of the work.

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
    if training.schedule == "flat_cosine":
        return 0.5 * (1.0 + math.cos(math.pi * max(0.0, 2.0 * rest - 1.0)))
    if training.schedule == "coslog4":
        return 0.5 * (1.0 - math.cos(2.0 * math.pi * math.log2(1.0 + 15.0 * rest)))
    return 1.0
