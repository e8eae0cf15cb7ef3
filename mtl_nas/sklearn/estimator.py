"""``MTLSearch``: a search as an estimator of scikit-learn."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from mtl_nas.comparison.comparison import comparison_of
from mtl_nas.comparison.run_results import results_of_run
from mtl_nas.data import RawTable
from mtl_nas.data.declaring import Tasks
from mtl_nas.errors import MtlNasError
from mtl_nas.scoring import mean_score, score_task
from mtl_nas.sklearn import fitting, targets
from mtl_nas.sklearn.features import features
from mtl_nas.space import SearchSpace
from mtl_nas.study import Resources, search


class MTLSearch(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A search for the best multi-task network, which then predicts.

    One network, or an ensemble, learns all columns of `y` together: events, classes, ranks, counts and numbers side by
    side, with labels missing wherever they are missing. Arrays and frames of pandas, polars and Arrow are read as they
    are: texts are categories, missing values and unseen categories are allowed, and nothing needs scaling.

    Args:
        space: What is searched: a `SearchSpace`, the name of a built-in one, or a YAML file.
        time: Wall time of the search: seconds, or `90s`, `30m`, `2h`.
        trials: Proposals to train, presets included; as many as the time, or ten minutes, allow if not given.
        seed: Seed of all random choices; the same seed and number of trials, without a limit of time, give the same
            model.
        folder: Run folder to keep. A `fit` that was interrupted goes on there, and a folder of other data is refused,
            so a cross-validation leaves it out. If not given, the run is thrown away once the model is read.
        n_jobs: Workers that train: one in this process if not given, several on Ray, -1 for all cores and GPUs.
        search_options: Further keywords of `mtl_nas.search`, such as `objectives`, `presets` or `compare`.
        data_options: Keywords of `mtl_nas.load_dataset`, such as `split` or `columns`.

    Attributes:
        best_estimator_: The `mtl_nas.Model`, which also saves and exports.
        report_: The `mtl_nas.Comparison` of the designs on test rows that the search held out.
        classes_: The classes in the order of the columns of `predict_proba`: an array for a `y` of one dimension, else
            arrays by task; absent where no task has classes.
        tasks_: The kind of each task, by name.
        n_features_in_, feature_names_in_: The number of features; their names if `X` had names.

    Example:
        >>> from mtl_nas.sklearn import MTLSearch
        >>> model = MTLSearch(time="10m").fit(X_train, Y_train)  # doctest: +SKIP
        >>> model.predict(X_test)  # doctest: +SKIP
    """

    def __init__(
        self,
        space: SearchSpace | str = "everything",
        *,
        time: float | str | None = None,
        trials: int | None = None,
        seed: int = 0,
        folder: str | Path | None = None,
        n_jobs: int | None = None,
        search_options: Mapping[str, Any] | None = None,
        data_options: Mapping[str, Any] | None = None,
    ) -> None:
        self.space = space
        self.time = time
        self.trials = trials
        self.seed = seed
        self.folder = folder
        self.n_jobs = n_jobs
        self.search_options = search_options
        self.data_options = data_options

    def fit(
        self,
        X: Any,  # noqa: N803  # the names of scikit-learn
        y: Any,
        tasks: Tasks | None = None,
        sample_weight: Any = None,
        groups: Any = None,
    ) -> "MTLSearch":
        """Search on the rows of X and y.

        Args:
            X: Features, (N, M): an array, a sequence, or a frame with names.
            y: Labels, (N,) or (N, T), or a frame with a column per task; NaN or None where a label is missing.
            tasks: Names of the columns of y, or options by name, such as `{"buy": {"after": "click"}}` or
                `{"stars": {"kind": "ordinal"}}`. The kind of a task is inferred from its labels if it is not declared.
            sample_weight: Weights of the rows in the losses, (N,). Rows of weight 0 are left out.
            groups: Groups of rows, (N,). The search puts all rows of a group among those that train, or those that
                validate, or those that test.

        Returns:
            This estimator.

        Raises:
            ValueError: X or y cannot be used.
            MtlNasError: An option of the search is wrong, or no design could be trained.
        """
        with value_errors():
            x = features(self, X, reset=True)
            labels = targets.targets(y, tasks)
            data = fitting.dataset(
                x, labels, tasks, sample_weight=sample_weight, groups=groups, options=self.data_options or {}
            )
            with nullcontext(self.folder) if self.folder is not None else TemporaryDirectory() as folder:
                run = search(self.space, data, folder=folder, **self._options())
                self.best_estimator_ = run.best_model()
                self.report_ = comparison_of(results_of_run(run, data), data)
        self.tasks_ = {name: data.schema.task(name).kind for name in labels.names}
        self._form, self._classes = labels.form, targets.class_values(labels.labels, data.schema)
        if self._classes:
            self.classes_ = self._classes[labels.names[0]] if labels.form == "one" else self._classes
        elif hasattr(self, "classes_"):
            del self.classes_  # of an earlier fit
        return self

    def predict(self, X: Any) -> Any:  # noqa: N803
        """The most likely class, or the number, of every task for each row.

        Returns:
            (N,) where `fit` had a `y` of one dimension; a pandas frame with a column per task where `y` was a frame;
            else (N, T), of objects if some labels are not numbers.

        Raises:
            ValueError: X has other columns than `fit` saw.
        """
        predictions, _ = self._predicted(X)
        labels = targets.predicted_labels(predictions, self.best_estimator_.schema, self._classes)
        return targets.shaped(labels, self._form, list(self.tasks_))

    def predict_proba(self, X: Any) -> Any:  # noqa: N803
        """Probabilities of classes for each row.

        Returns:
            (N, K) where `fit` had a `y` of one dimension; else (N, K) arrays by task. Tasks that predict numbers are
            left out.

        Raises:
            ValueError: X has other columns than `fit` saw.
            AttributeError: No task has classes.
        """
        check_is_fitted(self)
        if not self._classes:
            raise AttributeError(f"no task has classes: {', '.join(self.tasks_)}; call predict")
        predictions, _ = self._predicted(X)
        by_task = targets.probabilities(predictions, self.best_estimator_.schema)
        return by_task[next(iter(self.tasks_))] if self._form == "one" else by_task

    def score(self, X: Any, y: Any) -> float:  # noqa: N803
        """The mean over tasks of the metric by which designs are ranked: AUC of classes, R2 of numbers, D2 of counts.

        Rows without a label of a task do not count for it; a task whose labels are all of one class is left out, and
        NaN is returned where no task is left.

        Raises:
            ValueError: X or y have other columns than `fit` saw.
        """
        predictions, x = self._predicted(X)
        schema = self.best_estimator_.schema
        with value_errors():
            labels = targets.targets(y, list(self.tasks_)).labels
            check_consistent_length(x, labels)
            scores = {}
            for task in schema.tasks:
                if task.name not in labels:
                    raise ValueError(f"y lacks the column of task '{task.name}'")
                values = targets.task_predictions(predictions, schema, task.name)
                codes = task.label_codes(labels[task.name])
                scores[task.name] = score_task(task, values - task.origin if task.origin else values, codes)
        if all(metrics[schema.task(name).main_metric] is None for name, metrics in scores.items()):
            return float(np.nan)
        return mean_score(scores, schema)

    def _predicted(self, X: Any) -> tuple[Any, RawTable]:  # noqa: N803
        check_is_fitted(self)
        with value_errors():
            x = features(self, X, reset=False)
            return self.best_estimator_.predict(x), x

    def _options(self) -> dict[str, Any]:
        """The keywords of the search."""
        one = self.n_jobs is None or self.n_jobs == 1
        cpus = None if one or self.n_jobs == -1 else self.n_jobs
        given = {"time": self.time, "trials": self.trials, "seed": self.seed}
        return {
            "resources": Resources(cpus=cpus, in_process=one),
            **{name: value for name, value in given.items() if value is not None},
            **(self.search_options or {}),
        }

    def __sklearn_tags__(self) -> Any:
        """Say that texts and missing values are read, and that y may have several columns."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.target_tags.multi_output = True
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        return tags


@contextmanager
def value_errors() -> Iterator[None]:
    """Errors that a user can mend are ValueErrors here, as scikit-learn's tools expect them."""
    try:
        yield
    except MtlNasError as problem:
        raise InputError(str(problem)) from problem


class InputError(MtlNasError, ValueError):
    """An input that cannot be used, both for those who expect an error of mtl_nas and one of scikit-learn."""
