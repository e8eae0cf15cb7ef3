"""Rivals of the search on the dense table: random search, and TPE through Ray's OptunaSearch.

Not a command: ``python -m benchmarks.table.simulate`` imports it. Rivals train every trial to the end, and choose among
their best architectures on fresh seeds, as the search does among its finalists.
"""

import json
import warnings
from statistics import fmean
from typing import Any

import optuna
from ray.tune.search.optuna import OptunaSearch

from benchmarks.table.dense_table import DenseTable, read_table
from benchmarks.table.simulated_search import OVERHEAD, Outcome
from benchmarks.table.table_space import architecture_index, space
from mtl_nas.space import Random
from mtl_nas.study.jobs import seed_of
from mtl_nas.study.samplers.optuna_study import HoleNames, OptunaDecider

FINALISTS, FINALIST_SEEDS = 5, 3


def random_search(name: str, seed: int, *, trainings: int) -> Outcome:
    """Draw architectures at random."""
    table = read_table(name)
    scores: dict[int, list[float]] = {}  # by index of the architecture
    trials = _trials(table, trainings)
    for trial in range(trials):
        architecture = architecture_index(name, space(name).decide(Random(seed_of("random", seed, trial))))
        scores.setdefault(architecture, []).append(_score(table, architecture, seed, trial))
    return _outcome(table, scores, trials, seed)


def ray_optuna(name: str, seed: int, *, trainings: int) -> Outcome:
    """Propose architectures by TPE through Ray's OptunaSearch with its defaults."""
    table, names = read_table(name), HoleNames(space(name))
    scores: dict[int, list[float]] = {}  # by index of the architecture
    trials = _trials(table, trainings)

    def define(trial: optuna.Trial) -> dict[str, Any]:
        return {"decisions": json.dumps(space(name).decide(OptunaDecider(trial, names)))}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        searcher = OptunaSearch(space=define, metric="score", mode="max", seed=seed)
        for trial in range(trials):
            config = searcher.suggest(str(trial))
            architecture = architecture_index(name, json.loads(config["decisions"]))
            score = _score(table, architecture, seed, trial)
            scores.setdefault(architecture, []).append(score)
            searcher.on_trial_complete(str(trial), {"score": score})
    return _outcome(table, scores, trials, seed)


def _training_cost(table: DenseTable) -> float:
    """Cost of one job with its overhead, in full trainings."""
    return 1 + OVERHEAD * table.rows_per_second / table.rows


def _trials(table: DenseTable, trainings: int) -> int:
    """Number of trials that leave enough work for the finalists."""
    cost = _training_cost(table)
    return int((trainings - FINALISTS * FINALIST_SEEDS * cost) / cost)


def _score(table: DenseTable, architecture: int, seed: int, trial: int) -> float:
    """The best mean score on tuning rows over the checks of a training."""
    tuning = table.training(architecture, seed_of("trial", seed, trial))[: len(table.shares)]
    return float(tuning.mean(axis=-1).max())


def _outcome(table: DenseTable, scores: dict[int, list[float]], trials: int, seed: int) -> Outcome:
    """Train the finalists on fresh seeds, and choose the one with the best mean score on choosing rows."""
    finalists = sorted(scores, key=lambda architecture: -fmean(scores[architecture]))[:FINALISTS]
    means = {
        architecture: fmean(
            table.training(architecture, seed_of("fresh", seed, index))[-2].mean() for index in range(FINALIST_SEEDS)
        )
        for architecture in finalists
    }
    winner = max(means, key=lambda architecture: means[architecture])
    cost = _training_cost(table)
    work = trials * cost + len(finalists) * FINALIST_SEEDS * cost
    seconds = work * table.rows / table.rows_per_second
    return Outcome(table.regret(winner), work, trials, seconds)
