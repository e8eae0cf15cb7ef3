"""Metrics as functions of arrays, with the influence of each row, and p-values; without tasks or tables."""

from mtl_nas.metrics.auc import Event, auc, mean_auc, mean_auc_influence
from mtl_nas.metrics.deviances import explained, explained_influence, pinball_loss, poisson_deviance, squared_error
from mtl_nas.metrics.score import Floats, Influence, Score, log_loss, mean_or_none
from mtl_nas.metrics.significance import holm, welch

__all__ = [
    "Event",
    "Floats",
    "Influence",
    "Score",
    "auc",
    "explained",
    "explained_influence",
    "holm",
    "log_loss",
    "mean_auc",
    "mean_auc_influence",
    "mean_or_none",
    "pinball_loss",
    "poisson_deviance",
    "squared_error",
    "welch",
]
