"""Boosted trees beside the networks: scikit-learn's histogram trees, one model a task, on the same encoded columns.

Columns of at most 255 ids are categorical; ids of more enter as numbers, in the order of their levels. The lengths of
the histories are among the numbers, the behaviours themselves are not. Labels that a network would mask are left out.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

import mtl_nas as mn
from mtl_nas.data import Rows, Task
from mtl_nas.data.encoding import length_name
from mtl_nas.metrics import scores

ROUNDS, LOOK_EVERY = 300, 10
MOST_IDS = 255  # that a categorical column of these trees may have


def tree_scores(data: mn.Dataset, *, lengths: bool = True, seed: int = 0) -> dict[str, dict[str, float | None]]:
    """Every metric of every task on the test rows; the number of rounds is the best on the validation rows.

    lengths: whether the trees see how long each history is.
    """
    kept = _columns_kept(data, lengths=lengths)
    categorical = [column.size <= MOST_IDS for column in data.schema.categories]
    categorical += [False] * (int(kept.sum()) - len(categorical))
    return {
        task.name: _task_scores(task, place, data, kept, categorical, seed)
        for place, task in enumerate(data.schema.tasks)
    }


def _task_scores(
    task: Task, place: int, data: mn.Dataset, kept: NDArray[np.bool_], categorical: list[bool], seed: int
) -> dict[str, float | None]:
    train = data.rows("train")
    labelled = ~np.isnan(train.labels[:, place])
    options: dict[str, Any] = {
        "max_iter": ROUNDS,
        "learning_rate": 0.05,
        "early_stopping": False,
        "categorical_features": categorical,
        "random_state": seed,
    }
    numeric = task.kind in ("regression", "count")
    model = (HistGradientBoostingRegressor if numeric else HistGradientBoostingClassifier)(**options)
    model.fit(_columns(train, kept)[labelled], train.labels[labelled, place])
    found = {split: _stages(model, task, data.rows(split), place, kept) for split in ("validation", "test")}
    metric = next(iter(found["test"][0]))
    best = max(range(len(found["test"])), key=lambda stage: found["validation"][stage][metric] or -np.inf)
    return found["test"][best]


def _stages(
    model: Any, task: Task, rows: Rows, place: int, kept: NDArray[np.bool_]
) -> list[dict[str, float | None]]:
    """The scores after every tenth round; the metric that decides stands first."""
    labels = rows.labels[:, place].astype(np.float64)
    numeric = task.kind in ("regression", "count")
    stages = (model.staged_predict if numeric else model.staged_predict_proba)(_columns(rows, kept))
    found = []
    for number, prediction in enumerate(stages):
        if (number + 1) % LOOK_EVERY == 0:
            guess = prediction[:, 1] if task.kind == "binary" else prediction
            line = scores(task, guess, labels)
            metric = "r2" if "r2" in line else "auc"
            found.append({metric: line[metric], **{name: line[name] for name in line if name != metric}})
    return found


def _columns_kept(data: mn.Dataset, *, lengths: bool) -> NDArray[np.bool_]:
    dropped = set() if lengths else {length_name(part.name) for part in data.schema.sequences}
    names = [column.name for column in (*data.schema.categories, *data.schema.numbers)]
    return np.array([name not in dropped for name in names])


def _columns(rows: Rows, kept: NDArray[np.bool_]) -> NDArray[np.float64]:
    both: NDArray[np.float64] = np.hstack([rows.categories, rows.numbers.astype(np.float64)])[:, kept]
    return both
