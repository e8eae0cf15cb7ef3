"""The share of a row in the scores of ordered classes, counts, quantiles and amounts; others are in test_ties."""

import numpy as np
import pytest

from mtl_nas.data import Task
from mtl_nas.scoring import score_task, task_influence

GRADE = Task(name="grade", kind="ordinal", classes=("a", "b", "c"))
VISITS = Task(name="visits", kind="count")
LATE = Task(name="late", kind="regression", loss="quantile", quantile=0.8)
SPENT = Task(name="spent", kind="regression", loss="ziln")
TASKS = (GRADE, VISITS, LATE, SPENT)


def score(task, prediction, label):
    """The main metric alone."""
    return score_task(task, prediction, label)[task.main_metric]


def drawn(task: Task, rows: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    if task is GRADE:
        label = random.integers(0, 3, rows).astype(float)
        chances = random.random((rows, 3)) + np.eye(3)[label.astype(int)]
        prediction = chances / chances.sum(axis=1, keepdims=True)
    elif task is VISITS:
        label = random.poisson(2.0, rows).astype(float)
        prediction = 0.5 * label + random.random(rows)
    else:
        label = random.lognormal(0, 1, rows) * (1 if task is LATE else random.integers(0, 2, rows))
        prediction = label + random.normal(0, 1, rows)
    label[random.random(rows) < 0.2] = np.nan
    return prediction, label


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_the_score_is_that_of_the_metrics(task):
    prediction, label = drawn(task, 200)
    influence = task_influence(task, prediction, label)
    assert influence is not None
    assert influence.score == pytest.approx(score(task, prediction, label), abs=1e-12)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_row_s_share_is_what_repeating_it_adds(task):
    """Rows repeated a thousand times, one of them once more: a weight of 1.001, without a formula for weights."""
    prediction, label = drawn(task, 40)
    influence = task_influence(task, prediction, label)
    assert influence is not None
    assert influence.psi.sum() == pytest.approx(0, abs=1e-9)
    for row in range(40):
        counts = np.full(40, 1000)
        up, down = counts.copy(), counts.copy()
        up[row] += 1
        down[row] -= 1
        more, less = (score(task, np.repeat(prediction, n, axis=0), np.repeat(label, n)) for n in (up, down))
        assert influence.psi[row] / 40 == pytest.approx((more - less) / 2e-3, abs=1e-5)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_labels_that_are_all_alike_have_no_score(task):
    prediction, label = drawn(task, 10)
    assert task_influence(task, prediction, np.zeros_like(label)) is None
    assert task_influence(task, prediction, np.full_like(label, np.nan)) is None
