"""Scores of a model on the rows that its networks were not trained on; with folds, means over folds."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mtl_nas.data import Dataset
from mtl_nas.metrics import Score
from mtl_nas.scoring.table_scores import Scores, score_tasks


def held_out_scores(predictions: Mapping[str, Any], data: Dataset, split: str) -> Scores:
    """Metrics of every head on a split, from predictions in its order of rows; a mean over folds if there are any.

    Test rows are predicted by all networks together, and scored as one.
    """
    rows = data.rows(split)
    if len(data.folds) == 1 or split == "test":
        return score_tasks(predictions, rows, data.schema)
    return mean_scores(
        [
            score_tasks({head: values[fold] for head, values in predictions.items()}, rows.take(fold), data.schema)
            for fold in data.held_out(split)
        ]
    )


def mean_scores(parts: Sequence[Scores]) -> Scores:
    """The mean of every metric over the parts in which it is defined.

    >>> mean_scores([{"click": {"auc": 0.5}}, {"click": {"auc": None}}, {"click": {"auc": 0.75}}])
    {'click': {'auc': 0.625}}
    """
    first = parts[0]
    return {head: {metric: _mean([part[head][metric] for part in parts]) for metric in first[head]} for head in first}


def _mean(scores: Sequence[Score]) -> Score:
    defined = [score for score in scores if score is not None]
    return float(np.mean(defined)) if defined else None
