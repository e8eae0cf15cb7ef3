"""Boosted trees for comparison with the networks: scikit-learn's histogram trees, one model per task.

Not a command: other benchmarks import ``tree_scores``. The trees read the encoded columns of the networks. Ids enter as
numbers, in the order of their levels: as categories they lose on rare labels (like on KuaiRand .844 against .858). The
lengths of the histories are among the numbers, the histories are not. Labels that a network would mask are left out.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import mtl_nas as mn
from mtl_nas.data import Rows, Task
from mtl_nas.scoring import score_task

ROUNDS = 300  # boosting rounds
CHECK_EVERY = 10  # rounds between two scores


def tree_scores(data: mn.Dataset, *, without: Sequence[str] = (), seed: int = 0) -> dict[str, dict[str, float | None]]:
    """Return every metric of every task on the test rows, at the number of rounds that is best on validation rows.

    Args:
        data: The data set.
        without: Names of columns that the trees do not read.
        seed: Seed of the trees.
    """
    names = [column.name for column in (*data.schema.categories, *data.schema.numbers)]
    used = np.array([name not in without for name in names])
    return {task.name: _task_scores(task, index, data, used, seed) for index, task in enumerate(data.schema.tasks)}


def _task_scores(
    task: Task, index: int, data: mn.Dataset, used: NDArray[np.bool_], seed: int
) -> dict[str, float | None]:
    train = data.rows("train")
    labelled = ~np.isnan(train.labels[:, index])
    options: dict[str, Any] = {
        "max_iter": ROUNDS,
        "learning_rate": 0.05,
        "early_stopping": False,  # validation rows choose the rounds; scikit-learn would draw its own
        "random_state": seed,
    }
    model = (HistGradientBoostingClassifier if task.rules.has_classes else HistGradientBoostingRegressor)(**options)
    model.fit(_features(train, used)[labelled], train.labels[labelled, index])
    validation, test = (_staged_scores(model, task, data.rows(split), index, used) for split in ("validation", "test"))
    metric = task.main_metric
    best = max(range(len(test)), key=lambda stage: validation[stage][metric] or -np.inf)
    return test[best]


def _staged_scores(
    model: Any, task: Task, rows: Rows, index: int, used: NDArray[np.bool_]
) -> list[dict[str, float | None]]:
    """Scores after every tenth round."""
    labels = rows.labels[:, index].astype(np.float64)
    stages = (model.staged_predict_proba if task.rules.has_classes else model.staged_predict)(_features(rows, used))
    scores = []
    for round_index, prediction in enumerate(stages):
        if (round_index + 1) % CHECK_EVERY == 0:
            output = prediction[:, 1] if task.kind == "binary" else prediction
            scores.append(score_task(task, output, labels))
    return scores


def _features(rows: Rows, used: NDArray[np.bool_]) -> NDArray[np.float64]:
    features: NDArray[np.float64] = np.hstack([rows.categories, rows.numbers.astype(np.float64)])[:, used]
    return features
