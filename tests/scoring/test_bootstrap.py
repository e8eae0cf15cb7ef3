"""When two designs tie: scores with the share of each row, and the interval of a paired bootstrap."""

from functools import cache

import numpy as np
import pytest

from mtl_nas.data import Schema, Task
from mtl_nas.scoring import Interval, paired_interval, score_task, seed_score, task_influence

BINARY = Task(name="click", kind="binary", classes=("0", "1"))
STARS = Task(name="stars", kind="multiclass", classes=("a", "b", "c"))
PRICE = Task(name="price", kind="regression")
TASKS = (BINARY, STARS, PRICE)
SCHEMA = Schema(tasks=TASKS)


def score(task, prediction, label):
    """The main metric alone."""
    return score_task(task, prediction, label)[task.main_metric]


def drawn(task: Task, rows: int, seed: int = 0, missing: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """Predictions with ties, labels with gaps."""
    random = np.random.default_rng(seed)
    if task.kind == "regression":
        label = random.normal(3, 2, rows)
        prediction = label + random.normal(0, 1, rows)
    elif task.kind == "binary":
        label = random.integers(0, 2, rows).astype(float)
        prediction = np.round(0.3 * label + 0.7 * random.random(rows), 1)
    else:
        label = random.integers(0, 3, rows).astype(float)
        chances = random.random((rows, 3)) + np.eye(3)[label.astype(int)]
        prediction = np.round(chances / chances.sum(axis=1, keepdims=True), 1)
    label[random.random(rows) < missing] = np.nan
    return prediction, label


def weighted(task: Task, prediction: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """The main metric where rows weigh differently, spelled out."""
    valid = ~np.isnan(label)
    prediction, label, weight = prediction[valid], label[valid], weight[valid]
    if task.kind == "regression":
        mean = (weight * label).sum() / weight.sum()
        return 1 - (weight * (label - prediction) ** 2).sum() / (weight * (label - mean) ** 2).sum()
    if task.kind == "binary":
        return weighted_auc(prediction, label == 1, weight)
    return float(np.mean([weighted_auc(prediction[:, code], label == code, weight) for code in range(3)]))


def weighted_auc(ranking: np.ndarray, positive: np.ndarray, weight: np.ndarray) -> float:
    above = np.sign(ranking[positive][:, None] - ranking[~positive]) / 2 + 0.5
    pairs = weight[positive][:, None] * weight[~positive]
    return float((above * pairs).sum() / pairs.sum())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_the_score_is_that_of_the_metrics(task):
    prediction, label = drawn(task, 200)
    influence = task_influence(task, prediction, label)
    assert influence is not None
    assert influence.score == pytest.approx(score(task, prediction, label), abs=1e-12)
    assert influence.score == pytest.approx(weighted(task, prediction, label, np.ones(200)), abs=1e-12)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_a_row_s_share_is_the_gradient_of_the_score_by_its_weight(task):
    prediction, label = drawn(task, 60)
    influence = task_influence(task, prediction, label)
    assert influence is not None
    for row in range(60):
        step = np.zeros(60)
        step[row] = 1e-6
        gradient = weighted(task, prediction, label, 1 + step) - weighted(task, prediction, label, 1 - step)
        assert influence.psi[row] / 60 == pytest.approx(gradient / 2e-6, abs=1e-7)
    assert influence.psi[np.isnan(label)].tolist() == [0] * int(np.isnan(label).sum())
    assert influence.psi.sum() == pytest.approx(0, abs=1e-9)


def test_a_score_that_is_not_defined_has_no_shares():
    nothing = np.full(4, np.nan)
    assert task_influence(BINARY, np.arange(4.0), np.ones(4)) is None
    assert task_influence(PRICE, np.arange(4.0), np.ones(4)) is None
    for task in TASKS:
        assert task_influence(task, np.zeros((4, 3)) if task is STARS else np.zeros(4), nothing) is None
    assert seed_score({"click": np.arange(4.0)}, np.ones((4, 1)), Schema(tasks=(BINARY,))) is None


def test_a_perfect_regression_has_no_spread():
    label = np.arange(10.0)
    influence = task_influence(PRICE, label, label)
    assert influence is not None
    assert influence.score == 1
    assert not influence.psi.any()


def test_the_mean_over_tasks_leaves_out_those_without_a_score():
    drawings = [drawn(task, 100) for task in TASKS]
    labels = np.stack([label for _, label in drawings], axis=1)
    predictions = {task.name: prediction for task, (prediction, _) in zip(TASKS, drawings, strict=True)}
    whole = seed_score(predictions, labels, SCHEMA)
    assert whole is not None
    scores = [score(task, predictions[task.name], labels[:, index]) for index, task in enumerate(TASKS)]
    assert whole.score == pytest.approx(np.mean(scores))
    labels[:, 1] = np.nan
    part = seed_score(predictions, labels, SCHEMA)
    assert part is not None
    assert part.score == pytest.approx((scores[0] + scores[2]) / 2)
    assert part.block_influence.sum() == pytest.approx(0, abs=1e-9)


@cache
def seeds(quality: float, count: int, *, rows: int = 2000, spread: float = 0.05, first: int = 100) -> list:
    """Scored predictions of a design on some seeds: what all seeds see, and noise of each."""
    random = np.random.default_rng(1)
    label = (random.random(rows) < 0.3).astype(float)
    common = random.normal(size=rows)
    scores = []
    for seed in range(count):
        noise = np.random.default_rng(first + seed).normal(size=rows)
        part = seed_score({"click": quality * label + common + spread * noise}, label[:, None], Schema(tasks=(BINARY,)))
        assert part is not None
        scores.append(part)
    return scores


@pytest.mark.parametrize("count", [1, 3])
def test_equal_predictions_tie_with_an_interval_of_nothing(count):
    scores = seeds(1.0, count)
    assert paired_interval(scores, scores) == Interval(0.0, 0.0, 0.0)
    assert paired_interval(scores, scores).tie


@pytest.mark.parametrize("count", [1, 3])
def test_designs_that_differ_clearly_do_not_tie(count):
    good, bad = seeds(1.0, count), seeds(0.5, count)
    interval = paired_interval(bad, good)
    assert interval.high < 0
    assert interval.low < interval.difference < interval.high
    assert not interval.tie
    back = paired_interval(good, bad)
    assert back.low > 0
    assert back.difference == pytest.approx(-interval.difference)


def test_seeds_that_disagree_widen_the_interval():
    quiet = paired_interval(seeds(1.0, 3, spread=0.05), seeds(0.95, 3, spread=0.05, first=200))
    loud = paired_interval(seeds(1.0, 3, spread=1.0), seeds(0.95, 3, spread=1.0, first=200))
    assert loud.high - loud.low > quiet.high - quiet.low


def test_without_a_score_nothing_tells_designs_apart():
    assert paired_interval([], []) == Interval(0.0, 0.0, 0.0)


def test_the_same_question_has_the_same_answer():
    assert paired_interval(seeds(1.0, 3), seeds(0.9, 3)) == paired_interval(seeds(1.0, 3), seeds(0.9, 3))


def test_few_rows_are_fewer_than_the_blocks():
    scored = seed_score({"click": np.array([0.1, 0.9, 0.4])}, np.array([[0.0], [1.0], [1.0]]), Schema(tasks=(BINARY,)))
    assert scored is not None
    assert paired_interval([scored], [scored]).tie


@pytest.mark.slow
@pytest.mark.parametrize("task", [BINARY, PRICE], ids=lambda task: task.kind)
def test_about_95_of_100_intervals_cover_the_true_difference(task):
    schema, covered, trials = Schema(tasks=(task,)), 0, 100
    for trial in range(trials):
        random = np.random.default_rng(trial)
        label = (random.random(500) < 0.3).astype(float) if task is BINARY else random.normal(size=500)
        common = label + random.normal(size=500)
        pair = [seed_score({task.name: common + random.normal(0, 0.7, 500)}, label[:, None], schema) for _ in range(2)]
        covered += paired_interval(pair[:1], pair[1:]).tie  # both are equally good in truth
    assert 0.89 * trials <= covered <= 0.99 * trials
