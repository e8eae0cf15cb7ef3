import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_nas.data import load_dataset
from mtl_nas.data.builtin.census_files import COLUMNS
from mtl_nas.data.builtin.synthetic_funnel import RATES, synthetic_funnel
from mtl_nas.data.builtin.synthetic_mmoe import synthetic_mmoe
from mtl_nas.errors import DataError

OFFLINE = Path(os.environ.get("MTL_NAS_DATA") or Path(__file__).parents[3] / "shared" / "data")
census_only = pytest.mark.skipif(not (OFFLINE / "census-income").is_dir(), reason="needs $MTL_NAS_DATA/census-income")


@pytest.fixture(scope="module")
def funnel():
    return load_dataset("synthetic-funnel")


def test_the_funnel_is_nested_and_rare_at_its_end(funnel):
    labels = np.concatenate([funnel.rows(split).labels for split in ("train", "validation", "test")])
    for place, (name, rate) in enumerate(RATES.items()):
        assert labels[:, place].mean() == pytest.approx(rate, rel=0.08), name
    assert (np.diff(labels[:, :4], axis=1) <= 0).all()
    assert funnel.schema.nested_pairs == (
        ("click", "application"),
        ("application", "approval"),
        ("approval", "activation"),
    )


def test_the_funnel_has_every_kind_of_column(funnel):
    sizes = {column.name: column.size for column in funnel.schema.categories}
    assert sizes["item"] > 1_000
    assert [number.name for number in funnel.schema.numbers if number.missing] == ["age"]
    assert funnel.rows("train").sequences["history"].shape[1:] == (2, 30)
    assert len(funnel.rows("train")) == 48_000


def test_a_small_funnel_is_always_the_same():
    assert len(synthetic_funnel(rows=500)) == 500
    pd.testing.assert_frame_equal(synthetic_funnel(rows=500), synthetic_funnel(rows=500))


@pytest.mark.slow
def test_the_funnel_is_made_quickly_and_always_the_same(funnel):
    start = time.perf_counter()
    again = load_dataset("synthetic-funnel")
    assert time.perf_counter() - start < 10
    assert again.fingerprint == funnel.fingerprint


def test_part_of_the_tasks_and_columns_of_a_builtin_may_be_asked_for():
    data = load_dataset("synthetic-funnel", ["click", "approval"], ignore=["history", "history_kind", "channel"])
    assert data.schema.nested_pairs == (("click", "approval"),)
    names = set(data.frame("test"))
    assert not {"application", "activation", "share", "channel"} & names
    assert not data.schema.sequences
    assert load_dataset(data.declaration).fingerprint == data.fingerprint


@pytest.mark.parametrize("correlation", [1.0, 0.5, 0.0])
def test_without_sines_the_labels_correlate_as_the_formula_says(correlation):
    frame = synthetic_mmoe(correlation=correlation, sines=0, rows=20_000, scale=0.3)
    expected = correlation * 0.09 / (0.09 + 0.01)
    assert np.corrcoef(frame["y1"], frame["y2"])[0, 1] == pytest.approx(expected, abs=0.02)


def test_synthetic_tasks_may_be_many():
    frame = synthetic_mmoe(tasks=3, correlation=0.8, sines=0, rows=20_000, dims=8)
    correlations = np.corrcoef(frame[["y1", "y2", "y3"]].to_numpy().T)
    assert correlations[np.triu_indices(3, 1)] == pytest.approx(0.72, abs=0.02)
    data = load_dataset("synthetic-mmoe")
    assert [task.kind for task in data.schema.tasks] == ["regression", "regression"]
    with pytest.raises(DataError, match="a dimension each, got 3 tasks in 2 dims"):
        synthetic_mmoe(tasks=3, dims=2)


@pytest.mark.slow
@census_only
@pytest.mark.parametrize(
    ("group", "columns", "rates"),
    [("", 39, (0.0621, 0.4335)), ("/group1", 38, (0.0621, 0.4335)), ("/group2", 38, (0.1964, 0.4335))],
)
def test_census_income_follows_its_protocol(monkeypatch, group, columns, rates):
    monkeypatch.setenv("MTL_NAS_DATA", str(OFFLINE))
    data = load_dataset(f"census-income{group}")
    assert [len(data.rows(split)) for split in ("train", "validation", "test")] == [199_523, 49_881, 49_881]
    assert len(data.schema.categories) + len(data.schema.numbers) == columns
    assert len(data.schema.numbers) == 7
    assert data.rows("train").labels.mean(axis=0) == pytest.approx(rates, abs=1e-3)
    names = set(data.frame("test"))
    assert not names & {"instance_weight", "marital_stat", "split", "income_class"}
    assert ("education" in names) == (group == "")
    assert not data.schema.has_funnel


@pytest.mark.slow
@census_only
def test_the_official_test_rows_are_halved_in_a_fixed_order(monkeypatch):
    monkeypatch.setenv("MTL_NAS_DATA", str(OFFLINE))
    data = load_dataset("census-income")
    raw = np.loadtxt(OFFLINE / "census-income" / "census-income.test.gz", delimiter=",", usecols=0)
    order = np.random.RandomState(0).permutation(99_762)
    assert np.array_equal(data.frame("test")["age"], raw[order[49_881:]])
    levels = dict(zip([c.name for c in data.schema.categories], data.schema.categories, strict=True))
    assert "NA" in levels["hispanic_origin"].levels  # a level of its own, not a missing value
    assert levels["migration_code_change_in_msa"].levels[-1] is None


def test_a_wrong_census_file_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "census-income"
    folder.mkdir()
    (folder / "census-income.data").write_text(", ".join(["1"] * len(COLUMNS)) + "\n")
    monkeypatch.setenv("MTL_NAS_DATA", str(tmp_path))
    with pytest.raises(DataError, match="has 1 rows, expected 199523"):
        load_dataset("census-income")


def test_census_without_files_or_network_says_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.delenv("MTL_NAS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("mtl_nas.data.builtin.census_files.ADDRESS", (tmp_path / "none.zip").as_uri())
    with pytest.raises(DataError, match=r"cannot be fetched: .*\$MTL_NAS_DATA/census-income/"):
        load_dataset("census-income")
