import os
from pathlib import Path

import numpy as np
import pytest

from mtl_nas.data.columns.features import length_name
from mtl_nas.errors import MtlNasError

OFFLINE = Path(os.environ.get("MTL_NAS_DATA") or Path(__file__).parents[3] / "shared" / "data")
kuairand_only = pytest.mark.skipif(not (OFFLINE / "kuairand-pure").is_dir(), reason="needs $MTL_NAS_DATA/kuairand-pure")


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.setenv("MTL_NAS_DATA", str(OFFLINE))
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2]))
    from benchmarks import kuairand

    return kuairand


@pytest.mark.slow
@kuairand_only
def test_the_funnel_is_split_by_day_and_nested(benchmark):
    declared = benchmark.kuairand("funnel")
    data = declared.dataset()
    assert [len(data.rows(split)) for split in ("train", "validation", "test")] == [57_741, 15_839, 21_204]
    assert data.schema.nested_pairs == (("click", "long_view"), ("click", "like"))
    labels = data.rows("train").labels
    assert (labels[:, 1:3] <= labels[:, :1]).all()
    assert [task.kind for task in data.schema.tasks] == ["binary", "binary", "binary", "regression"]


@pytest.mark.slow
@kuairand_only
def test_outcomes_of_an_impression_are_labels_or_left_out(benchmark):
    for tasks in benchmark.TASKS:
        frame = benchmark.kuairand(tasks).frame
        outcomes = {*benchmark.LABELS, *benchmark.LABELS.values(), *benchmark.OUTCOMES, "long_view", "time_ms"}
        assert outcomes & set(frame) == set(benchmark.TASKS[tasks])


@pytest.mark.slow
@kuairand_only
def test_each_behaviour_has_its_properties_and_each_history_its_length(benchmark):
    data = benchmark.kuairand("feedback").dataset()
    assert not data.schema.has_funnel
    rates = data.rows("train").labels.mean(axis=0)
    assert rates == pytest.approx([0.43, 0.303, 0.016, 0.0197], abs=1e-3)
    for part in data.schema.sequences:
        assert len(part.columns) == 3
        ids = data.rows("test").sequences[part.name]  # (N, 3, 50)
        assert ids.shape[1:] == (3, 50)
        assert np.array_equal(ids[:, 0] > 0, ids[:, 2] > 0)
    lengths = {benchmark.HISTORY_LENGTH, *map(length_name, benchmark.HISTORIES.values())}
    assert lengths <= {number.name for number in data.schema.numbers}


def test_missing_files_are_named_in_the_error(benchmark, monkeypatch, tmp_path):
    monkeypatch.setenv("MTL_NAS_DATA", str(tmp_path))
    assert not benchmark.available()
    with pytest.raises(MtlNasError, match=r"needs \$MTL_NAS_DATA/kuairand-pure/log_standard"):
        benchmark.kuairand()
