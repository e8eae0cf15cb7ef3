"""The estimator: scikit-learn's own checks, shapes and values of predictions, frames, tools of scikit-learn."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import mtl_nas as mn
from mtl_nas.sklearn import MTLSearch
from mtl_nas.space import read_space

LEVELS = [{"shared": 1, "expert": {"hidden": [4]}}]
ONE_TRAINING: dict[str, Any] = {"presets": ["single_task"], "compare": "none", "ensemble": False, "rungs": (1.0,)}
ROWS = 300


def small_space(name: str = "small", epochs: int = 2) -> mn.SearchSpace:
    design = {"inputs": {"embedding": 2}, "levels": LEVELS, "tower": {"hidden": []}}
    return read_space({"design": design, "training": {"epochs": epochs, "batch_size": 64}}, name)


SPACE = small_space()


def estimator(**changes: Any) -> MTLSearch:
    """One training in this process: a tenth of a second."""
    return MTLSearch(**{"space": SPACE, "trials": 1, "search_options": ONE_TRAINING, **changes})


@pytest.fixture(scope="module")
def x() -> pd.DataFrame:
    random = np.random.default_rng(0)
    city = random.choice(["Bergen", "Ghent", None], ROWS)
    return pd.DataFrame({"city": city, "z": random.normal(size=ROWS), "age": random.integers(18, 80, ROWS)})


@pytest.fixture(scope="module")
def y(x) -> pd.DataFrame:
    """Four kinds of labels in an order in which names are not sorted, half of the stars missing."""
    random = np.random.default_rng(1)
    liked = x["z"].to_numpy() + random.normal(size=ROWS)
    stars = np.where(random.random(ROWS) < 0.5, np.nan, np.clip(np.round(liked + 3), 1, 5))
    buy = np.where(liked > 0, "yes", "no")
    spent = liked + random.normal(size=ROWS)
    return pd.DataFrame({"stars": stars, "buy": buy, "spent": spent, "click": (liked > 0.5).astype(int)})


@pytest.fixture(scope="module")
def fitted(x, y) -> MTLSearch:
    return estimator().fit(x, y)


@pytest.mark.slow
@parametrize_with_checks(
    [estimator()],
    expected_failed_checks=lambda _: {
        "check_sample_weight_equivalence_on_dense_data": "rows are drawn into splits and batches, and a row that is "
        "there twice changes the draws"
    },
)
def test_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


def test_a_frame_of_labels_gives_a_frame_of_predictions_with_the_labels_own_values(fitted, x, y):
    predicted = fitted.predict(x)
    assert list(predicted) == list(y)
    assert set(predicted["buy"]) <= {"yes", "no"}
    assert set(predicted["stars"]) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    assert predicted["click"].dtype.kind == "i"
    assert fitted.tasks_ == {"stars": "multiclass", "buy": "binary", "spent": "regression", "click": "binary"}


def test_probabilities_are_those_of_the_model_and_in_the_order_of_the_classes(fitted, x):
    probabilities, own = fitted.predict_proba(x), fitted.best_estimator_.predict(x)
    assert list(probabilities) == ["stars", "buy", "click"]
    np.testing.assert_array_equal(probabilities["buy"][:, 1], own["buy"])
    np.testing.assert_array_equal(probabilities["stars"][:, 4], own["stars=5"])
    assert list(fitted.classes_["buy"]) == ["no", "yes"]
    for name, rows in probabilities.items():
        np.testing.assert_allclose(rows.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_array_equal(fitted.classes_[name][rows.argmax(axis=1)], fitted.predict(x)[name])


def test_the_score_is_the_mean_of_the_main_metrics(fitted, x, y):
    probabilities, predicted = fitted.predict_proba(x), fitted.predict(x)
    labelled = y["stars"].notna()
    r2 = 1 - ((y["spent"] - predicted["spent"]) ** 2).sum() / ((y["spent"] - y["spent"].mean()) ** 2).sum()
    stars = roc_auc_score(y["stars"][labelled], probabilities["stars"][labelled], multi_class="ovr")
    aucs = [roc_auc_score(y[name], probabilities[name][:, 1]) for name in ("buy", "click")]
    assert fitted.score(x, y) == pytest.approx(np.mean([stars, r2, *aucs]), abs=1e-6)
    assert np.isnan(clone(fitted).fit(x, y["buy"]).score(x[:1], y["buy"][:1]))


def test_arrays_give_arrays_and_one_dimension_gives_one(x, y):
    numbers, labels = x[["z", "age"]].to_numpy(), y[["click", "spent"]].to_numpy()
    both = estimator().fit(numbers, labels)
    assert both.predict(numbers).shape == (ROWS, 2)
    assert both.tasks_ == {"y0": "binary", "y1": "regression"}
    one = estimator().fit(numbers, y["click"].to_numpy())
    assert one.predict(numbers).shape == (ROWS,)
    assert one.predict_proba(numbers).shape == (ROWS, 2)
    np.testing.assert_array_equal(one.classes_, [0, 1])
    assert estimator().fit(numbers, y[["click"]].to_numpy()).predict(numbers).shape == (ROWS, 1)
    mixed = estimator().fit(numbers, y.to_numpy(), tasks=["stars", "buy", "spent", "click"])
    assert set(mixed.predict(numbers)[:, 1]) <= {"yes", "no"}


def test_tasks_declare_kinds_and_what_follows_what(x, y):
    y = y.assign(click=1 - (1 - y["click"]) * (y["buy"] == "no"))  # 1 wherever buy is yes
    tasks = {"click": {"kind": "binary"}, "buy": {"after": "click"}, "stars": {"kind": "ordinal"}}
    model = estimator().fit(x, y, tasks=tasks)
    assert model.tasks_ == {"stars": "ordinal", "buy": "binary", "spent": "regression", "click": "binary"}
    assert model.best_estimator_.schema.task("buy").after == "click"
    assert list(model.predict(x)) == list(y)


@pytest.mark.parametrize("library", [pl.DataFrame, pa.Table.from_pandas, lambda frame: pl.DataFrame(frame).lazy()])
def test_frames_of_every_library_are_read_alike(library, fitted, x, y):
    model = estimator().fit(library(x), library(y))
    assert list(model.feature_names_in_) == list(x)
    pd.testing.assert_frame_equal(model.predict(library(x)), fitted.predict(x))
    assert model.score(library(x), library(y)) == fitted.score(x, y)


def test_a_series_of_polars_is_one_task(x, y):
    model = estimator().fit(pl.DataFrame(x), pl.DataFrame(y)["click"])
    np.testing.assert_array_equal(model.predict(x), estimator().fit(x, y["click"]).predict(x))
    assert list(model.tasks_) == ["click"]


def test_rows_of_weight_zero_are_left_out_and_groups_stay_together(x, y):
    weights = np.arange(ROWS) % 3 > 0
    weighted = estimator().fit(x, y["click"], sample_weight=weights)
    left_out = estimator().fit(x[weights], y["click"][weights], sample_weight=np.ones(weights.sum()))
    np.testing.assert_array_equal(weighted.predict(x), left_out.predict(x))
    groups = np.arange(ROWS) // 3
    with pytest.raises(ValueError, match="is one group"):
        estimator().fit(x, y["click"], groups=np.repeat([0, 1, 2], ROWS // 3))
    assert estimator().fit(x, y["click"], groups=groups).n_features_in_ == 3


def test_a_fitted_estimator_is_pickled_with_its_model_and_its_report(fitted, x):
    again = pickle.loads(pickle.dumps(fitted))
    pd.testing.assert_frame_equal(again.predict(x), fitted.predict(x))
    pd.testing.assert_frame_equal(again.report_.frame(), fitted.report_.frame())
    with pytest.raises(NotFittedError):
        clone(fitted).predict(x)


def test_it_works_in_pipelines_and_cross_validations_and_grids_over_spaces(x, y):
    numbers = x[["z", "age"]]
    spaces = [SPACE, small_space("longer", epochs=4)]
    pipeline = make_pipeline(StandardScaler(), estimator())
    assert len(cross_validate(pipeline, numbers, y, cv=2, error_score="raise")["test_score"]) == 2
    grid = GridSearchCV(pipeline, {"mtlsearch__space": spaces}, cv=2, error_score="raise").fit(numbers, y)
    assert grid.best_params_["mtlsearch__space"] in spaces
    assert len(grid.predict(numbers)) == ROWS


def test_a_folder_keeps_the_run_and_a_second_fit_reads_it(x, y, tmp_path):
    first = estimator(folder=tmp_path / "run").fit(x, y)
    record = (tmp_path / "run" / "trials.jsonl").read_bytes()
    second = estimator(folder=tmp_path / "run").fit(x, y)
    pd.testing.assert_frame_equal(first.predict(x), second.predict(x))
    assert (tmp_path / "run" / "trials.jsonl").read_bytes() == record
    with pytest.raises(ValueError, match="holds a search on other data"):
        estimator(folder=tmp_path / "run").fit(x[1:], y[1:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": {"bay": {}}}, "tasks names 'bay', which is no column of y; did you mean 'buy'"),
        ({"tasks": {"buy": {"kind": "regression"}}}, "task 'buy'|column 'buy'"),
        ({"sample_weight": -np.ones(ROWS)}, "a weight is a number from 0, got -1 in row 1"),
        ({"sample_weight": np.zeros(ROWS)}, "every weight of sample_weight is zero"),
        ({"groups": np.zeros(3)}, "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_used_is_a_value_error(changes, message, x, y):
    with pytest.raises(ValueError, match=message):
        estimator().fit(x, y, **changes)


def test_labels_among_the_features_are_refused(fitted, x, y):
    with pytest.raises(ValueError, match="column 'buy' is in X and in y; leave it out of X"):
        estimator().fit(x.assign(buy=1), y)
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.predict(x.rename(columns={"z": "a"}))
    with pytest.raises(AttributeError, match="no task has classes: spent; call predict"):
        estimator().fit(x, y["spent"]).predict_proba(x)


def test_settings_of_a_search_that_are_wrong_name_themselves(x, y):
    with pytest.raises(mn.MtlNasError, match="trails"):
        estimator(search_options={"trails": 3}).fit(x, y)
