"""Trees of LightGBM (Ke et al., 2017) at the default sizes of trees."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.trees.problem import Floats, LabelledRows, Problem, TreeModel

LEARNING_RATE = 0.03
MOST_ROUNDS = 5000
PATIENCE = 100  # rounds without a better score on the validation rows
SAMPLED = 0.8  # share of the rows and of the columns that each tree reads
OBJECTIVES = {
    "binary": "binary",
    "classes": "multiclass",
    "poisson": "poisson",
    "mse": "regression",
    "mae": "regression_l1",
    "huber": "huber",
    "quantile": "quantile",
    "tweedie": "tweedie",  # of power 1.5, as for networks
}


@dataclass(frozen=True)
class _Model:
    booster: Any
    rounds: int
    loss: float  # on the validation rows

    def predict(self, columns: NDArray[np.floating[Any]]) -> Floats:
        values: Floats = np.asarray(self.booster.predict(columns, num_iteration=self.rounds), dtype=np.float64)
        return values


def fit_lightgbm(problem: Problem, *, threads: int, seed: int, **options: Any) -> TreeModel:
    """Train until the loss on the validation rows has not fallen for ``PATIENCE`` rounds.

    Two models are trained where there are categories: one splits their levels into sets, the other one reads ids as
    numbers, which follow the order of the levels. The first is often far worse where levels are many, or ordered. The
    validation rows choose.

    Args:
        problem: The task and its rows.
        threads: Number of threads; the trees do not depend on it.
        seed: Seed of the library.
        **options: Parameters of LightGBM that replace the ones given here.
    """
    models = [_fit(problem, threads=threads, seed=seed, **options)]
    if problem.categories:
        models.append(_fit(replace(problem, categories=0), threads=threads, seed=seed, **options))
    return min(models, key=lambda model: model.loss)


def _fit(problem: Problem, *, threads: int, seed: int, **options: Any) -> _Model:
    import lightgbm

    task = problem.task
    parameters = {
        "objective": OBJECTIVES[problem.objective],
        "learning_rate": LEARNING_RATE,
        "feature_fraction": SAMPLED,
        "bagging_fraction": SAMPLED,
        "bagging_freq": 1,
        "num_threads": threads,
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,  # deterministic training needs one of two ways to be chosen
        "verbosity": -1,
        **({"num_class": len(task.classes)} if problem.objective == "classes" else {}),
        **({"alpha": task.quantile} if problem.objective == "quantile" else {}),
        **({"alpha": 1.0} if problem.objective == "huber" else {}),  # of scaled labels, as for networks
        **options,
    }

    def rows(part: LabelledRows, reference: Any = None) -> Any:
        categories = list(range(problem.categories))
        return lightgbm.Dataset(
            part.columns, part.labels, weight=part.weights, categorical_feature=categories, reference=reference
        )

    train = rows(problem.train)
    stop = lightgbm.early_stopping(PATIENCE, first_metric_only=True, verbose=False)
    validation = rows(problem.validation, train)
    booster = lightgbm.train(parameters, train, MOST_ROUNDS, valid_sets=[validation], callbacks=[stop])
    (loss,) = booster.best_score["valid_0"].values()
    return _Model(booster, booster.best_iteration or booster.current_iteration(), loss)
