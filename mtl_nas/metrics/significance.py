"""P-values: Welch's test and Holm's correction."""

from collections.abc import Sequence
from statistics import fmean, variance

from scipy.special import fdtrc  # scipy.stats takes a second to import


def welch(groups: Sequence[Sequence[float]]) -> float:
    """The p-value of the hypothesis that groups of scores have equal means, whatever their variances (Welch, 1951).

    >>> round(welch([[1.0, 2.0, 3.0], [4.0, 5.0, 9.0]]), 4)
    0.1064
    """
    pooled = sum((len(group) - 1) * variance(group) for group in groups) / sum(len(group) - 1 for group in groups)
    if pooled == 0.0:
        return 1.0 if len({group[0] for group in groups}) == 1 else 0.0
    count = len(groups)
    # a group of equal scores would have an infinite weight
    weights = [len(group) / max(variance(group), 1e-6 * pooled) for group in groups]
    total = sum(weights)
    mean = sum(weight * fmean(group) for weight, group in zip(weights, groups, strict=True)) / total
    between = sum(weight * (fmean(group) - mean) ** 2 for weight, group in zip(weights, groups, strict=True))
    spread = sum((1 - weight / total) ** 2 / (len(group) - 1) for weight, group in zip(weights, groups, strict=True))
    ratio = between / (count - 1) / (1 + 2 * (count - 2) * spread / (count**2 - 1))
    return float(fdtrc(count - 1, (count**2 - 1) / (3 * spread), ratio))


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for multiple tests (Holm, 1979), in the given order.

    >>> holm([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda index: p_values[index])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = least
    return corrected
