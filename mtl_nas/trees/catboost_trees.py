"""Trees of CatBoost (Prokhorenkova et al., 2018) with its default options."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.trees.problem import Floats, LabelledRows, Problem, TreeModel

PATIENCE = 100  # rounds without a better score on the validation rows, of at most 1,000, the default of the library
OBJECTIVES = {
    "binary": "Logloss",
    "classes": "MultiClass",
    "poisson": "Poisson",
    "mse": "RMSE",
    "mae": "MAE",
    "huber": "Huber:delta=1.0",  # of scaled labels, as for networks
    "tweedie": "Tweedie:variance_power=1.5",  # as for networks
}
PREDICTED = {  # else the raw value
    "binary": "Probability",
    "classes": "Probability",
    "poisson": "Exponent",
    "tweedie": "Exponent",
}


@dataclass(frozen=True)
class _Model:
    model: Any
    problem: Problem
    rounds: int

    def predict(self, columns: NDArray[np.floating[Any]]) -> Floats:
        kind = PREDICTED.get(self.problem.objective, "RawFormulaVal")
        values = self.model.predict(_frame(columns, self.problem.categories), prediction_type=kind)
        return np.asarray(values[:, 1] if self.problem.objective == "binary" else values, dtype=np.float64)


def fit_catboost(problem: Problem, *, threads: int, seed: int, **options: Any) -> TreeModel:
    """Train until the loss on the validation rows has not fallen for ``PATIENCE`` rounds.

    Args:
        problem: The task and its rows.
        threads: Number of threads.
        seed: Seed of the library.
        **options: Parameters of CatBoost that replace the ones given here.
    """
    import catboost

    objective = OBJECTIVES.get(problem.objective) or f"Quantile:alpha={problem.task.quantile}"
    classes = {"classes_count": len(problem.task.classes)} if problem.objective == "classes" else {}
    model = catboost.CatBoost(
        {
            "loss_function": objective,
            "thread_count": threads,
            "random_seed": seed,
            "allow_writing_files": False,
            "verbose": False,
            **classes,
            **options,
        }
    )

    def pool(part: LabelledRows) -> Any:
        columns = _frame(part.columns, problem.categories)
        names = list(columns.columns[: problem.categories])
        return catboost.Pool(columns, part.labels, weight=part.weights, cat_features=names)

    train, validation = pool(problem.train), pool(problem.validation)
    model.fit(train, eval_set=validation, early_stopping_rounds=PATIENCE, use_best_model=True)
    return _Model(model, problem, int(model.tree_count_))


def _frame(columns: NDArray[np.floating[Any]], categories: int) -> pd.DataFrame:
    """The matrix with ids as whole numbers, which CatBoost tells from numeric columns by their names."""
    ids = pd.DataFrame(columns[:, :categories].astype(np.int64)).add_prefix("category ")
    numbers = pd.DataFrame(columns[:, categories:]).add_prefix("number ")
    return pd.concat([ids, numbers], axis="columns")
