"""Scores of predictions for the rows of a table, and whether two designs differ."""

from mtl_nas.scoring.bootstrap import Interval, SeedScore, luck_of_choice, mean_over_folds, paired_interval, seed_score
from mtl_nas.scoring.held_out import held_out_scores, mean_scores
from mtl_nas.scoring.table_scores import Scores, mean_score, score_task, score_tasks, task_influence

__all__ = [
    "Interval",
    "Scores",
    "SeedScore",
    "held_out_scores",
    "luck_of_choice",
    "mean_over_folds",
    "mean_score",
    "mean_scores",
    "paired_interval",
    "score_task",
    "score_tasks",
    "seed_score",
    "task_influence",
]
