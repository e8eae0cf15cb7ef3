import time
from types import ModuleType

import numpy as np
import pytest

from mtl_nas.data import Task
from mtl_nas.metrics import auc
from mtl_nas.scoring import score_task

BINARY = Task(name="b", kind="binary", classes=("0", "1"))
STARS = Task(name="m", kind="multiclass", classes=("a", "b", "c", "d"))
AMOUNT = Task(name="r", kind="regression")
GRADE = Task(name="o", kind="ordinal", classes=("a", "b", "c", "d"))
VISITS = Task(name="c", kind="count")
LATE = Task(name="q", kind="regression", loss="quantile", quantile=0.9)
SPENT = Task(name="z", kind="regression", loss="ziln")
RANDOM = np.random.RandomState(0)


@pytest.fixture(scope="module")
def oracle() -> ModuleType:
    from sklearn import metrics  # which takes a second to import

    return metrics


def score(task, prediction, label):
    """The main metric alone."""
    return score_task(task, prediction, label)[task.main_metric]


@pytest.mark.parametrize("digits", [1, 2, 6])
def test_binary_scores_equal_scikit_learn_with_ties(oracle, digits):
    label = RANDOM.randint(0, 2, 500).astype(float)
    guess = np.clip(0.3 * label + 0.7 * RANDOM.uniform(size=500), 0.01, 0.99).round(digits)
    label[::9] = np.nan
    labelled = ~np.isnan(label)
    guess = np.clip(guess, 0.01, 0.99)
    scores = score_task(BINARY, guess, label)
    assert scores["auc"] == pytest.approx(oracle.roc_auc_score(label[labelled], guess[labelled]), abs=1e-12)
    assert scores["log_loss"] == pytest.approx(oracle.log_loss(label[labelled], guess[labelled]), abs=1e-12)
    assert scores["accuracy"] == pytest.approx(oracle.accuracy_score(label[labelled], guess[labelled] >= 0.5))


def test_multiclass_scores_equal_scikit_learn(oracle):
    label = RANDOM.randint(0, 4, 400).astype(float)
    guess = RANDOM.dirichlet([1, 1, 1, 1], 400)
    scores = score_task(STARS, guess, label)
    assert scores["auc"] == pytest.approx(oracle.roc_auc_score(label, guess, multi_class="ovr"), abs=1e-12)
    assert scores["log_loss"] == pytest.approx(oracle.log_loss(label, guess), abs=1e-12)
    assert scores["accuracy"] == pytest.approx(oracle.accuracy_score(label, guess.argmax(axis=1)))


def test_an_absent_class_is_left_out_of_the_mean():
    label = np.array([0.0, 1.0, 0.0, 1.0])
    guess = np.array([[0.7, 0.2, 0.1, 0.0], [0.1, 0.8, 0.1, 0.0], [0.6, 0.3, 0.1, 0.0], [0.2, 0.7, 0.1, 0.0]])
    assert score_task(STARS, guess, label)["auc"] == 1.0


def test_regression_scores_equal_scikit_learn(oracle):
    label = RANDOM.standard_normal(300) * 5 + 100
    guess = label + RANDOM.standard_normal(300)
    scores = score_task(AMOUNT, guess.astype(np.float32), label.astype(np.float32))
    assert scores["rmse"] == pytest.approx(oracle.root_mean_squared_error(label, guess), rel=1e-4)
    assert scores["mae"] == pytest.approx(oracle.mean_absolute_error(label, guess), rel=1e-4)
    assert scores["r2"] == pytest.approx(oracle.r2_score(label, guess), rel=1e-4)


def test_ordinal_scores_are_those_of_the_cumulated_events(oracle):
    label = RANDOM.randint(0, 4, 400).astype(float)
    guess = RANDOM.dirichlet([1, 1, 1, 1], 400)
    scores = score_task(GRADE, guess, label)
    areas = [oracle.roc_auc_score(label > code, guess[:, code + 1 :].sum(axis=1)) for code in range(3)]
    assert scores["auc"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert scores["log_loss"] == pytest.approx(oracle.log_loss(label, guess), abs=1e-12)
    assert scores["mae"] == pytest.approx(np.abs(guess @ [0, 1, 2, 3] - label).mean())
    assert score_task(GRADE, np.eye(4)[label.astype(int)], label) == pytest.approx(
        {"auc": 1.0, "log_loss": 0.0, "accuracy": 1.0, "mae": 0.0}
    )
    few = label < 2  # P(y > 1) and P(y > 2) have no positive
    assert score_task(GRADE, guess[few], label[few])["auc"] == pytest.approx(
        oracle.roc_auc_score(label[few] > 0, guess[few, 1:].sum(axis=1))
    )


def test_a_class_that_is_near_costs_less_than_one_that_is_far():
    """The order counts, as it does not for classes without one."""
    label = np.array([0.0, 1.0, 2.0, 3.0] * 5)
    near = np.eye(4)[np.resize([0, 2, 1, 3], 20)]
    far = np.eye(4)[np.resize([3, 1, 2, 0], 20)]
    assert score(GRADE, near, label) > score(GRADE, far, label)
    assert score(STARS, near, label) == score(STARS, far, label)


def test_count_scores_equal_scikit_learn(oracle):
    label = RANDOM.poisson(1.5, 400).astype(float)
    guess = np.exp(RANDOM.standard_normal(400))
    scores = score_task(VISITS, guess, label)
    assert scores["d2"] == pytest.approx(oracle.d2_tweedie_score(label, guess, power=1), abs=1e-12)
    assert scores["rmse"] == pytest.approx(oracle.root_mean_squared_error(label, guess))
    assert scores["mae"] == pytest.approx(oracle.mean_absolute_error(label, guess))
    assert score_task(VISITS, np.full(400, label.mean()), label)["d2"] == pytest.approx(0, abs=1e-12)
    assert np.isfinite(score_task(VISITS, np.zeros(400), label)["d2"])


@pytest.mark.parametrize("rows", [7, 401])
def test_quantile_scores_compare_with_the_best_constant(oracle, rows):
    label, guess = RANDOM.standard_normal((2, rows))
    scores = score_task(LATE, guess, label)
    constant = min(oracle.mean_pinball_loss(label, np.full(rows, value), alpha=0.9) for value in label)
    own = oracle.mean_pinball_loss(label, guess, alpha=0.9)
    assert scores["d2"] == pytest.approx(1 - own / constant, abs=1e-12)
    assert scores["pinball"] == pytest.approx(own, abs=1e-12)
    assert scores["coverage"] == pytest.approx((label <= guess).mean())


def test_amounts_are_scored_as_numbers():
    label = np.maximum(RANDOM.standard_normal(300), 0)
    guess = label + RANDOM.standard_normal(300)
    assert score_task(SPENT, guess, label) == score_task(AMOUNT, guess, label)


def test_what_is_not_defined_is_none():
    nothing = np.full(3, np.nan)
    assert score_task(BINARY, np.ones(3), nothing) == {"auc": None, "log_loss": None, "accuracy": None}
    assert score_task(BINARY, np.ones(3) / 2, np.ones(3))["auc"] is None
    assert score_task(STARS, np.ones((3, 4)) / 4, nothing) == {"auc": None, "log_loss": None, "accuracy": None}
    assert score_task(STARS, np.ones((3, 4)) / 4, np.ones(3))["auc"] is None
    assert score_task(AMOUNT, np.ones(3), nothing) == {"rmse": None, "mae": None, "r2": None}
    assert score_task(AMOUNT, np.ones(3), np.full(3, 2.0)) == {"rmse": 1.0, "mae": 1.0, "r2": None}
    assert score_task(AMOUNT, np.ones(9), np.full(9, 0.1))["r2"] is None  # whose mean is not .1 in double precision
    assert score_task(VISITS, np.ones(3), np.zeros(3)) == {"rmse": 1.0, "mae": 1.0, "d2": None}
    assert score_task(VISITS, np.ones(3), nothing) == {"rmse": None, "mae": None, "d2": None}
    assert score_task(LATE, np.ones(3), nothing) == {"pinball": None, "coverage": None, "d2": None}
    assert score_task(GRADE, np.ones((3, 4)) / 4, nothing) == dict.fromkeys(("auc", "log_loss", "accuracy", "mae"))


def test_a_certain_mistake_costs_a_finite_log_loss():
    scores = score_task(BINARY, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert scores["log_loss"] == pytest.approx(-np.log(1e-7))


def test_the_main_metric_is_larger_for_the_better():
    assert [task.main_metric for task in (BINARY, STARS, AMOUNT)] == ["auc", "auc", "r2"]
    assert [task.main_metric for task in (GRADE, VISITS, LATE, SPENT)] == ["auc", "d2", "d2", "r2"]
    assert score(BINARY, np.array([0.1, 0.9]), np.array([0.0, 1.0])) == 1.0


def test_auc_takes_milliseconds():
    label, guess = RANDOM.randint(0, 2, 50_000), RANDOM.uniform(size=50_000)
    start = time.perf_counter()
    auc(guess, label)
    assert time.perf_counter() - start < 0.2
