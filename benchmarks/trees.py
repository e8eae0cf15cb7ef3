"""Boosted trees beside the networks: scikit-learn's histogram trees, one model a task, on the same encoded columns.

Ids enter as numbers, in the order of their levels (as categories, where the trees take them, rare labels lose: like on
KuaiRand .844 against .858). The lengths of the histories are among the numbers, the behaviours are not. Labels that a
network would mask are left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import mtl_nas as mn
from mtl_nas.data import Rows, Task
from mtl_nas.scoring import score_task

ROUNDS, LOOK_EVERY = 300, 10


def tree_scores(data: mn.Dataset, *, without: Sequence[str] = (), seed: int = 0) -> dict[str, dict[str, float | None]]:
    """Every metric of every task on the test rows; the number of rounds is the best on the validation rows.

    without: columns that the trees do not see.
    """
    names = [column.name for column in (*data.schema.categories, *data.schema.numbers)]
    kept = np.array([name not in without for name in names])
    return {task.name: _task_scores(task, place, data, kept, seed) for place, task in enumerate(data.schema.tasks)}


def _task_scores(
    task: Task, place: int, data: mn.Dataset, kept: NDArray[np.bool_], seed: int
) -> dict[str, float | None]:
    train = data.rows("train")
    labelled = ~np.isnan(train.labels[:, place])
    options: dict[str, Any] = {
        "max_iter": ROUNDS,
        "learning_rate": 0.05,
        "early_stopping": False,  # the rounds are chosen below, by time where the split is by time
        "random_state": seed,
    }
    model = (HistGradientBoostingClassifier if task.rules.has_classes else HistGradientBoostingRegressor)(**options)
    model.fit(_columns(train, kept)[labelled], train.labels[labelled, place])
    found = {split: _stages(model, task, data.rows(split), place, kept) for split in ("validation", "test")}
    metric = task.main_metric
    best = max(range(len(found["test"])), key=lambda stage: found["validation"][stage][metric] or -np.inf)
    return found["test"][best]


def _stages(model: Any, task: Task, rows: Rows, place: int, kept: NDArray[np.bool_]) -> list[dict[str, float | None]]:
    """The scores after every tenth round."""
    labels = rows.labels[:, place].astype(np.float64)
    stages = (model.staged_predict_proba if task.rules.has_classes else model.staged_predict)(_columns(rows, kept))
    found = []
    for number, prediction in enumerate(stages):
        if (number + 1) % LOOK_EVERY == 0:
            guess = prediction[:, 1] if task.kind == "binary" else prediction
            found.append(score_task(task, guess, labels))
    return found


def _columns(rows: Rows, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    both: NDArray[np.float64] = np.hstack([rows.categories, rows.numbers.astype(np.float64)])[:, kept]
    return both
