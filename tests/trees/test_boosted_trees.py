"""Boosted trees of every kind of task: they learn what is planted, heed weights and masks, and are kept in a folder."""

import json
import sys
from functools import partial
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest

import mtl_nas.trees.boosted as boosted
from mtl_nas.data import Dataset, load_dataset
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.errors import MtlNasError
from mtl_nas.trees import LIBRARIES, BoostedTrees, best_trees, boosted_trees, installed_libraries, kept_or_trained
from mtl_nas.trees.catboost_trees import fit_catboost

LIGHTGBM = LIBRARIES[0]
EVERY_KIND = {
    "binary": {"kind": "binary"},
    "several": {"kind": "multiclass"},
    "ranks": {"kind": "ordinal", "order": ["low", "middle", "high"]},
    "count": {"kind": "count"},
    "number": {"kind": "regression"},
    "amount": {"kind": "regression", "loss": "ziln"},
    "often_zero": {"kind": "regression", "loss": "tweedie"},
    "rare": {"kind": "binary", "loss": "focal"},
    "median": {"kind": "regression", "loss": "mae"},
    "robust": {"kind": "regression", "loss": "huber"},
    "bound": {"kind": "regression", "loss": "quantile", "quantile": 0.9},
}


def planted(rows: int = 1500) -> pd.DataFrame:
    """Labels that depend on a number, and on a category whose levels have no order."""
    random = np.random.default_rng(0)
    size, color = random.normal(size=rows), random.choice(list("abcdef"), rows)
    signal = np.abs(size) + np.isin(color, ["a", "d", "e"])  # no line in size explains it
    noisy = signal + 0.3 * random.normal(size=rows)
    return pd.DataFrame(
        {
            "size": size,
            "color": color,
            "binary": (noisy > 1.2).astype(int),
            "several": np.where(noisy > 1.6, "x", np.where(color == "b", "y", "z")),
            "ranks": np.where(noisy > 1.6, "high", np.where(noisy > 0.9, "middle", "low")),
            "count": random.poisson(np.exp(signal)),
            "number": 1e6 + 40 * noisy,
            "amount": np.maximum(noisy - 1, 0),
            "often_zero": np.maximum(noisy - 1, 0),
            "rare": (noisy > 1.8).astype(int),
            "median": noisy,
            "robust": noisy,
            "bound": noisy,
        }
    )


def trees_of(data: Dataset, **options: int) -> BoostedTrees:
    return boosted_trees(data, LIGHTGBM, **options)


@pytest.fixture(scope="module")
def every_kind() -> tuple[Dataset, BoostedTrees]:
    data = load_dataset(planted(), EVERY_KIND)
    return data, trees_of(data)


def test_every_loss_of_every_kind_is_among_the_tasks(every_kind):
    data, _ = every_kind
    losses = {(kind.name, loss) for kind in KINDS.values() for loss in kind.losses}
    assert {(task.kind, task.loss) for task in data.schema.tasks} == losses


@pytest.mark.parametrize("task", EVERY_KIND)
def test_every_kind_of_task_is_learned(every_kind, task):
    data, trees = every_kind
    least = {"auc": 0.85, "d2": 0.4, "r2": 0.6}[data.schema.task(task).main_metric]
    assert trees.scores[task][data.schema.task(task).main_metric] > least
    assert trees.rounds[task] > 1


@pytest.mark.skipif(find_spec("catboost") is None, reason="needs catboost, whose wheel is too large for every check")
def test_catboost_learns_every_kind_of_task_too(every_kind):
    data, trees = every_kind
    fast = boosted.Library("CatBoost", "catboost", partial(fit_catboost, iterations=200, learning_rate=0.1))
    others = boosted_trees(data, fast)
    for task in data.schema.tasks:
        score, expected = (each.scores[task.name][task.main_metric] for each in (others, trees))
        assert score > expected - 0.1
        assert others.predictions[task.name].shape == trees.predictions[task.name].shape
        assert others.predictions[task.name].mean() == pytest.approx(trees.predictions[task.name].mean(), rel=0.15)


@pytest.mark.parametrize("task", ["binary", "several", "ranks"])
def test_classes_have_probabilities(every_kind, task):
    data, trees = every_kind
    values = trees.predictions[task]
    classes = len(data.schema.task(task).classes)
    assert values.shape == ((len(data.rows("test")), classes) if classes > 2 else (len(data.rows("test")),))
    assert values.min() >= 0
    assert values.max() <= 1
    if classes > 2:
        assert values.sum(axis=1) == pytest.approx(1)


def test_numbers_are_in_the_units_of_their_labels(every_kind):
    data, trees = every_kind
    for task in ("number", "amount", "often_zero", "count"):
        labels = data.frame("test")[task].to_numpy()
        assert trees.predictions[task].mean() == pytest.approx(labels.mean(), rel=0.1)
    assert data.schema.task("number").origin > 0  # encoded labels do not count from 0
    assert np.mean(data.frame("test")["bound"] <= trees.predictions["bound"]) == pytest.approx(0.9, abs=0.07)


def test_the_number_of_threads_changes_nothing():
    data = load_dataset(planted(400)[["size", "color", "binary", "number"]], ["binary", "number"])
    one, two = trees_of(data, threads=1), trees_of(data, threads=2)
    for task in data.schema.task_names:
        assert np.array_equal(one.predictions[task], two.predictions[task])


def test_rows_without_a_label_and_outside_of_the_sample_space_train_nothing():
    frame = planted()[["size", "color", "binary", "number"]]
    outside = frame["binary"] == 0
    spoiled = frame.assign(number=frame["number"].where(~outside, -1e9))
    spoiled.loc[spoiled.index[~outside][:50], "number"] = np.nan
    spared = spoiled.assign(number=spoiled["number"].where(~outside, 7.0))
    tasks = {"binary": None, "number": {"kind": "regression", "where": "binary"}}
    one, other = (trees_of(load_dataset(each, tasks, violations="repair")) for each in (spoiled, spared))
    assert np.array_equal(one.predictions["number"], other.predictions["number"])
    assert one.scores["number"]["r2"] > 0.3


def test_rows_of_small_weight_are_nearly_ignored():
    frame = planted()[["size", "color", "number"]]
    wrong = np.random.default_rng(1).random(len(frame)) < 0.4
    mixed = frame.assign(
        number=frame["number"].where(~wrong, 2e6),
        split=np.where(wrong, "train", "test"),
        weight=np.where(wrong, 1e-6, 1.0),
    )
    mixed.loc[mixed.index[~wrong][::2], "split"] = "train"
    mixed.loc[mixed.index[~wrong][1::4], "split"] = "validation"
    options = {"tasks": ["number"], "split": {"column": "split"}}
    weighted = trees_of(load_dataset(mixed, weight="weight", **options))
    plain = trees_of(load_dataset(mixed.drop(columns="weight"), **options))
    assert weighted.scores["number"]["r2"] > 0.6 > plain.scores["number"]["r2"]


def test_folds_have_one_model_each_and_the_test_rows_their_mean():
    data = load_dataset(planted(600)[["size", "color", "binary"]], ["binary"], split={"folds": 3})
    trees = trees_of(data)
    assert trees.scores["binary"]["auc"] > 0.8
    assert 0.8 < trees.validation_score < 1
    assert trees.predictions["binary"].shape == (len(data.rows("test")),)


def test_histories_enter_by_their_lengths():
    random = np.random.default_rng(0)
    lengths = random.integers(0, 6, 800)
    frame = pd.DataFrame({"watched": [["v"] * length for length in lengths], "many": (lengths > 2).astype(int)})
    frame["noise"] = random.normal(size=800)
    trees = trees_of(load_dataset(frame, ["many"], sequences={"watched": {"items": "watched"}}))
    assert trees.scores["many"]["auc"] > 0.99


def test_a_category_that_training_did_not_see_is_predicted():
    frame = planted(600)[["size", "color", "binary"]]
    frame["split"] = np.where(frame["color"] == "a", "test", np.where(frame.index % 5 == 0, "validation", "train"))
    trees = trees_of(load_dataset(frame, ["binary"], split={"column": "split"}))
    assert np.isfinite(trees.predictions["binary"]).all()


class Blind:
    rounds = 1

    def predict(self, columns):
        return np.full(len(columns), 0.5)


def test_the_library_with_the_higher_validation_score_is_taken():
    data = load_dataset(planted(400)[["size", "color", "binary"]], ["binary"])
    blind = boosted.Library("Blind", "numpy", lambda problem, **_: Blind())
    best = best_trees(data, libraries=[blind, LIGHTGBM])
    assert best.library == "LightGBM"
    assert set(best.tried) == {"Blind", "LightGBM"}
    assert best.validation_score > 0.7


def test_without_a_library_one_line_says_what_to_install(monkeypatch):
    absent = [boosted.Library("LightGBM", "no_such_package", LIGHTGBM.fit)]
    monkeypatch.setattr(boosted, "LIBRARIES", absent)
    with pytest.raises(MtlNasError, match=r"^boosted trees need lightgbm: pip install 'mtl_nas\[trees\]'$"):
        installed_libraries()


def test_trees_are_trained_once_per_folder_and_data(tmp_path, monkeypatch):
    data = load_dataset(planted(400)[["size", "color", "binary"]], ["binary"])
    trained = []
    fit = boosted.Library(
        "LightGBM", "lightgbm", lambda *given, **more: trained.append(1) or LIGHTGBM.fit(*given, **more)
    )
    monkeypatch.setattr(boosted, "LIBRARIES", (fit,))
    monkeypatch.setattr("mtl_nas.trees.kept.LIBRARIES", (fit,))
    first = kept_or_trained(tmp_path / "trees", data)
    second = kept_or_trained(tmp_path / "trees", data)
    assert len(trained) == 1
    assert np.array_equal(first.predictions["binary"], second.predictions["binary"])
    assert {name: getattr(first, name) for name in ("library", "scores", "rounds")} == {
        name: getattr(second, name) for name in ("library", "scores", "rounds")
    }
    kept_or_trained(tmp_path / "trees", load_dataset(planted(500)[["size", "color", "binary"]], ["binary"]))
    assert len(trained) == 2
    another = boosted.Library("Another", "numpy", LIGHTGBM.fit)
    monkeypatch.setattr(boosted, "LIBRARIES", (fit, another))
    monkeypatch.setattr("mtl_nas.trees.kept.LIBRARIES", (fit, another))
    assert set(kept_or_trained(tmp_path / "trees", data).tried) == {"LightGBM", "Another"}


def test_kept_trees_serve_where_no_library_is_installed(tmp_path, monkeypatch):
    data = load_dataset(planted(400)[["size", "color", "binary"]], ["binary"])
    kept_or_trained(tmp_path, data)
    absent = (boosted.Library("LightGBM", "no_such_package", LIGHTGBM.fit),)
    monkeypatch.setattr(boosted, "LIBRARIES", absent)
    monkeypatch.setattr("mtl_nas.trees.kept.LIBRARIES", absent)
    assert kept_or_trained(tmp_path, data).library == "LightGBM"


@pytest.mark.parametrize(
    ("file", "content"), [("trees.json", "{"), ("test.safetensors", ""), ("trees.json", '{"a": 1}')]
)
def test_a_damaged_file_is_named(tmp_path, file, content):
    data = load_dataset(planted(400)[["size", "color", "binary"]], ["binary"])
    kept_or_trained(tmp_path, data)
    assert json.loads((tmp_path / "trees.json").read_text())["fingerprint"] == data.fingerprint
    (tmp_path / file).write_text(content)
    with pytest.raises(MtlNasError, match=file):
        kept_or_trained(tmp_path, data)


def test_the_package_loads_neither_torch_nor_a_library_of_trees():
    import subprocess

    code = (
        "import sys, mtl_nas.trees; print([name for name in ('torch', 'lightgbm', 'catboost') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
