"""Boosted trees of all tasks of a table: one model per task, and per fold."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.scoring import Scores, held_out_scores, mean_score
from mtl_nas.trees.catboost_trees import fit_catboost
from mtl_nas.trees.lightgbm_trees import fit_lightgbm
from mtl_nas.trees.problem import TreeModel, columns_of, in_encoded_units, problem_of

Predictions = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Library:
    """A library of boosted trees."""

    name: str  # as people write it
    package: str  # as Python imports it
    fit: Callable[..., TreeModel]  # of a Problem, with ``threads`` and ``seed``

    @property
    def version(self) -> str | None:
        """The version that is installed; None where none is."""
        return metadata.version(self.package) if find_spec(self.package) else None


LIBRARIES = (Library("LightGBM", "lightgbm", fit_lightgbm), Library("CatBoost", "catboost", fit_catboost))


@dataclass(frozen=True)
class BoostedTrees:
    """Trees of one library with what they predict for the test rows.

    Attributes:
        library: Name of the library.
        version: Its version.
        tried: The versions of all libraries among which it was chosen, by name.
        validation_score: Mean over tasks of the main metric on the validation rows, which also ended the training.
        rounds: Boosting rounds by task; with folds, the mean over folds.
        seconds: Processor seconds of training and prediction, of all threads.
        scores: Every metric of every task on the test rows.
        predictions: Predictions for the test rows, by task, in the units of the labels.
    """

    library: str
    version: str
    tried: Mapping[str, str]
    validation_score: float
    rounds: Mapping[str, int]
    seconds: float
    scores: Scores
    predictions: Predictions


def installed_libraries() -> tuple[Library, ...]:
    """The libraries of boosted trees on this machine.

    Raises:
        MtlNasError: There is none.
    """
    present = tuple(library for library in LIBRARIES if library.version is not None)
    if not present:
        raise MtlNasError("boosted trees need lightgbm: pip install 'mtl_nas[trees]'")
    return present


def best_trees(
    data: Dataset, *, libraries: Sequence[Library] | None = None, threads: int = 1, seed: int = 0
) -> BoostedTrees:
    """The trees of the library that has the higher validation score, the first one if both are equal.

    Args:
        data: The data set, with its test rows.
        libraries: The libraries to try; all that are installed by default.
        threads: Number of threads.
        seed: Seed of the libraries.

    Raises:
        MtlNasError: No library is installed.
    """
    trees = [boosted_trees(data, library, threads=threads, seed=seed) for library in libraries or installed_libraries()]
    best = max(trees, key=lambda each: each.validation_score)
    return replace(best, tried={each.library: each.version for each in trees})


def boosted_trees(data: Dataset, library: Library, *, threads: int = 1, seed: int = 0) -> BoostedTrees:
    """Train one model per task on the train rows until the validation rows say stop, and predict the test rows.

    With folds, one model per task and fold is trained, and the test rows are predicted by their mean.

    Args:
        data: The data set, with its test rows.
        library: The library.
        threads: Number of threads.
        seed: Seed of the library.
    """
    start, version = time.process_time(), library.version or ""
    names, folds = data.schema.task_names, data.folds
    test_columns, held_out = columns_of(data.rows("test")), data.held_out("validation")
    validation: dict[str, Any] = {}
    test: dict[str, Any] = {}
    rounds = dict.fromkeys(names, 0)
    for fold, positions in zip(folds, held_out, strict=True):
        columns = {split: columns_of(fold.rows(split)) for split in ("train", "validation")}
        for index, task in enumerate(data.schema.tasks):
            problem = problem_of(fold, index, columns)
            model = library.fit(problem, threads=threads, seed=seed)
            predicted = in_encoded_units(task, model.predict(columns["validation"]))
            whole = validation.setdefault(task.name, np.zeros((sum(map(len, held_out)), *predicted.shape[1:])))
            whole[positions] = predicted
            of_test = in_encoded_units(task, model.predict(test_columns)) / len(folds)
            test[task.name] = test.get(task.name, 0.0) + of_test
            rounds[task.name] += round(model.rounds / len(folds))
    return BoostedTrees(
        library=library.name,
        version=version,
        tried={library.name: version},
        validation_score=mean_score(held_out_scores(validation, data, "validation"), data.schema),
        rounds=rounds,
        seconds=time.process_time() - start,
        scores=held_out_scores(test, data, "test"),
        predictions={task.name: test[task.name] + task.origin for task in data.schema.tasks},
    )
