"""What is fitted to the train rows for encodings of numbers: histograms, and thresholds at which labels change."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeRegressor

import mtl_nas as mn
from mtl_nas.data import Number, Schema, Task, histogram_edges, histogram_of, load_dataset
from mtl_nas.data.columns import fitting
from mtl_nas.data.columns.histogram import bin_starts, histogram
from mtl_nas.data.columns.statistics import number_column
from mtl_nas.data.columns.thresholds import SMALLEST_LEAF, label_thresholds, standard_labels
from mtl_nas.errors import DesignError

RANDOM = np.random.default_rng(0)
GAINS = np.where(RANDOM.random(4000) < 0.9, 0.0, RANDOM.choice([1500.0, 3000.0, 7700.0, 15024.0, 99999.0], 4000))
FRAME = pd.DataFrame({"gain": GAINS, "size": RANDOM.normal(size=4000)}).assign(
    rich=lambda frame: ((frame["gain"] > 7000) ^ (RANDOM.random(4000) < 0.05)).astype(int),
    weight=lambda frame: np.sin(frame["size"]) + RANDOM.normal(size=4000),
)
COLUMNS = {"gain": "number", "size": "number"}
TASKS = {"rich": {"kind": "binary"}, "weight": {"kind": "regression"}}


def number_of(values: np.ndarray) -> Number:
    """A number as a data set has it."""
    values = values.astype(np.float32)
    return number_column("x", values).model_copy(update={"histogram": histogram(values.astype(np.float64))})


def bins_of(values: np.ndarray, number: Number, bins: int) -> np.ndarray:
    return np.searchsorted(histogram_edges(number, bins), values, side="right")


def test_few_values_have_a_bin_each_with_its_rows():
    whole = histogram(np.array([3.0, 1.0, 1.0, 8.0]))
    assert (whole.edges, whole.rows, whole.distinct) == ((2.0, 5.5), (2, 1, 1), 3)


@pytest.mark.parametrize("bins", [8, 16, 32, 64, 128])
def test_values_that_recur_are_alone_in_their_bins_and_the_others_are_divided_by_mass(bins):
    recurring = np.repeat([0.0, 2.5], [3000, 1000])
    others = np.sort(RANDOM.uniform(-5, 5, 2000)).astype(np.float32)
    number = number_of(np.concatenate([recurring, others]))
    indices = bins_of(others, number, bins)
    alone = bins_of(np.array([0.0, 2.5]), number, bins)
    assert len(np.unique(indices)) + 2 <= bins
    assert not set(alone) & set(indices)
    counts = np.bincount(indices)
    assert counts.max() <= 2 * 2000 / (bins - 2) + 2000 / 256


def test_rare_values_keep_bins_of_their_own_beside_a_value_that_is_most_rows():
    values = np.concatenate([np.zeros(9000), np.repeat(np.arange(1.0, 118.0) ** 2, 8)])
    number = number_of(values)
    assert len(np.unique(np.asarray(number.quantiles))) < 30, "quantiles alone merge them"
    assert len(set(bins_of(np.unique(values), number, 128))) == 118


@pytest.mark.parametrize("bins", [2, 3, 8, 100])
def test_there_are_never_more_bins_than_allowed(bins):
    for seed in range(50):
        random = np.random.default_rng(seed)
        counts = random.integers(1, random.choice([2, 5, 1000]), random.integers(1, 300))
        counts[random.random(len(counts)) < 0.2] *= 500
        starts = bin_starts(counts, bins)
        assert starts[0] == 0
        assert (np.diff(starts) > 0).all()
        assert len(starts) == min(len(counts), len(starts)) <= bins


def test_a_schema_of_an_older_version_has_the_histogram_of_its_quantiles():
    number = number_column("x", np.arange(1000, dtype=np.float32))
    assert number.histogram is None
    assert sum(histogram_of(number).rows) == 257


@pytest.mark.parametrize("leaves", [2, 5, 20])
def test_thresholds_are_those_of_a_tree_of_scikit_learn(leaves):
    values = RANDOM.normal(size=1500).round(2).astype(np.float32).astype(np.float64)
    labels = np.stack([np.sin(3 * values) + RANDOM.normal(size=1500), values > 0.5], axis=1)
    tasks = [Task(name="a", kind="regression"), Task(name="b", kind="binary", classes=("0", "1"))]
    targets = standard_labels(labels, tasks)
    ours = label_thresholds(values, targets)[: leaves - 1]
    tree = DecisionTreeRegressor(max_leaf_nodes=leaves, min_samples_leaf=SMALLEST_LEAF)
    theirs = tree.fit(values[:, None], targets).tree_
    np.testing.assert_allclose(sorted(ours), sorted(theirs.threshold[theirs.feature >= 0]), rtol=1e-6)


def test_missing_labels_change_no_threshold_and_classes_have_targets_each():
    labels = np.array([[0.0, 2.0], [np.nan, 0.0], [1.0, np.nan], [1.0, 1.0]])
    tasks = [Task(name="a", kind="binary", classes=("0", "1")), Task(name="b", kind="multiclass", classes=tuple("xyz"))]
    targets = standard_labels(labels, tasks)
    assert targets.shape == (4, 4)
    assert targets[1, 0] == 0
    assert (targets[2, 1:] == 0).all()
    np.testing.assert_allclose(targets.sum(axis=0), 0, atol=1e-12)
    assert label_thresholds(np.arange(4.0), np.zeros((4, 2))) == ()


def test_only_train_rows_are_read():
    split = {"column": "split", "stratified": False}
    parts = np.where(np.arange(4000) % 4 < 2, "train", np.where(np.arange(4000) % 4 < 3, "validation", "test"))
    frame = FRAME.assign(split=parts)
    others = parts != "train"
    changed = frame.assign(
        gain=np.where(others, 5.0, frame["gain"]),
        rich=np.where(others, RANDOM.integers(0, 2, 4000), frame["rich"]),
    )
    first, second = (
        load_dataset(each, TASKS, split=split, columns=COLUMNS).schema.numbers for each in (frame, changed)
    )
    assert first == second
    assert all(number.histogram and number.thresholds for number in first)
    assert first[0].thresholds[0] == pytest.approx(5350)


def test_a_fingerprint_is_that_of_the_schema_without_fits():
    data = load_dataset(FRAME, TASKS, columns=COLUMNS)
    tree = data.schema.without_fits.model_dump(mode="json")
    assert all("histogram" not in number and "thresholds" not in number for number in tree["numbers"])
    changed = data.schema.model_copy(update={"numbers": data.schema.without_fits.numbers})
    assert mn.data.dataset.fingerprint(changed, data.encoded, data.tuning) == data.fingerprint


def test_of_many_rows_a_sample_is_read_alike_from_memory_and_files(tmp_path, monkeypatch):
    monkeypatch.setattr(fitting, "MOST_ROWS", 1000)
    FRAME.to_parquet(tmp_path / "t.parquet")
    encoded = mn.encode_table(tmp_path / "t.parquet", tmp_path / "encoded", TASKS, columns=COLUMNS)
    numbers = load_dataset(tmp_path / "t.parquet", TASKS, columns=COLUMNS).schema.numbers
    assert encoded.schema.numbers == numbers
    assert sum(numbers[0].histogram.rows) == 1000


def test_an_encoded_folder_without_fits_is_fitted_when_it_is_loaded(tmp_path):
    FRAME.to_parquet(tmp_path / "t.parquet")
    encoded = mn.encode_table(tmp_path / "t.parquet", tmp_path / "encoded", TASKS, columns=COLUMNS)
    path = tmp_path / "encoded" / "schema.json"
    older = Schema.model_validate(json.loads(path.read_text())).without_fits
    path.write_text(older.model_dump_json())
    assert load_dataset(tmp_path / "encoded").schema == encoded.schema


def test_with_folds_there_are_no_thresholds_as_every_label_is_held_out_once():
    data = load_dataset(FRAME, TASKS, columns=COLUMNS, split={"folds": 3})
    assert all(number.histogram and not number.thresholds for number in data.schema.numbers)
    with pytest.raises(DesignError, match="a table with folds has none"):
        mn.compose(mn.preset("mmoe", data.schema, numbers="target"), data.schema)
