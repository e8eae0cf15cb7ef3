"""The area under the ROC curve, alone, as a mean over events, and with the influence of each row."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.metrics.score import Floats, Influence, Score

Event = tuple[Floats, NDArray[np.bool_]]  # a ranking of the rows and which of them are positive, (N,) each


def auc(ranking: Floats, positive: NDArray[Any]) -> Score:
    """The probability that a positive row ranks above a negative one, where ties count half; None unless both exist.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([0, 0, 1, 1]))
    0.875
    """
    is_positive = np.asarray(positive) == 1
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        return None
    order = np.argsort(ranking)
    ordered = ranking[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    sizes = np.diff(starts, append=len(ordered))
    positives_by_tie = np.add.reduceat(is_positive[order].astype(np.int64), starts)
    ranks = starts + (sizes + 1) / 2  # the middle rank of each run of ties
    return float((positives_by_tie @ ranks - positives * (positives + 1) / 2) / (positives * negatives))


def mean_auc(events: Sequence[Event]) -> Score:
    """The mean AUC over events that have positive and negative rows; None if there is none."""
    areas = [area for ranking, positive in events if (area := auc(ranking, positive)) is not None]
    return float(np.mean(areas)) if areas else None


def mean_auc_influence(events: Sequence[Event]) -> Influence | None:
    """``mean_auc`` with the influence of each row by placement values (DeLong et al., 1988)."""
    parts = [part for ranking, positive in events if (part := _auc_influence(ranking, positive)) is not None]
    if not parts:
        return None
    return Influence(float(np.mean([part.score for part in parts])), np.mean([part.psi for part in parts], axis=0))


def _auc_influence(ranking: Floats, positive: NDArray[np.bool_]) -> Influence | None:
    positives = int(positive.sum())
    if positives in (0, len(positive)):
        return None
    placements = np.empty(len(ranking))
    placements[positive] = _share_below(ranking[~positive], ranking[positive])
    placements[~positive] = 1.0 - _share_below(ranking[positive], ranking[~positive])
    area = float(placements[positive].mean())
    rate = positives / len(positive)
    return Influence(area, (placements - area) / np.where(positive, rate, 1.0 - rate))


def _share_below(others: Floats, values: Floats) -> NDArray[np.float64]:
    """The share of ``others`` below each value, ties counting half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return below / (2.0 * len(ordered))
