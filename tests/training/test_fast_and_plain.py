"""What makes a training faster changes no score beyond what seeds change."""

from statistics import fmean, stdev

import pytest

import mtl_nas as mn
from mtl_nas.composition import stacking
from mtl_nas.training import Fit
from mtl_nas.training.fit import Check
from mtl_nas.training.stacked_fits import advance_together

SEEDS = range(3)
DESIGNS = ("ple", "aitm")


@pytest.fixture(scope="module")
def data() -> mn.Dataset:
    return mn.load_dataset("synthetic-funnel")


def fits(name: str, data: mn.Dataset, precision: str = "float32") -> list[Fit]:
    design = mn.preset(name, data.schema)
    graph = mn.compose(design, data.schema)
    asked = {"epochs": 1, "batch_size": 512, "learning_rate": 3e-3, "schedule": "linear", "precision": precision}
    trainings = [mn.Training.model_validate({**asked, "seed": seed}) for seed in SEEDS]
    rows = data.rows("train"), data.rows("tuning")
    return [Fit(graph, design.losses, training, data.schema, *rows) for training in trainings]


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_scores_differ_by_less_than_seeds_make_them_differ(
    name: str, data: mn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [fit.advance().score for fit in fits(name, data)]
    noise = max(stdev(plain), 0.002)
    found = {"bfloat16": [fit.advance().score for fit in fits(name, data, "bfloat16")]}
    together = advance_together(fits(name, data))
    found["fused"] = [best.score for best in together if isinstance(best, Check)]
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    found["rows of the batch alone"] = [fit.advance().score for fit in fits(name, data)]
    for way, scores in found.items():
        assert len(scores) == len(plain)
        assert abs(fmean(scores) - fmean(plain)) < 2 * noise, way
    assert found["fused"] == pytest.approx(plain, abs=2e-3)  # the same seeds
