"""What makes a training faster changes no score beyond what seeds change."""

from statistics import fmean, stdev

import pytest
from members import advance

import mtl_nas as mn
from mtl_nas.composition import stacking
from mtl_nas.training import Check, Fit, FitData, Member

SEEDS = range(3)
DESIGNS = {"ple": (64,), "aitm": (64, 32)}  # hidden layers of the experts


@pytest.fixture(scope="module")
def data() -> mn.Dataset:
    return mn.load_dataset("synthetic-funnel")


def members(name: str, data: mn.Dataset, precision: str = "float32") -> list[Member]:
    design = mn.preset(name, data.schema, hidden=DESIGNS[name])
    graph = mn.compose(design, data.schema)
    asked = {"epochs": 1, "batch_size": 512, "learning_rate": 3e-3, "schedule": "linear", "precision": precision}
    trainings = [mn.Training.model_validate({**asked, "seed": seed}) for seed in SEEDS]
    rows = FitData.of(data)
    return [Member(graph, design.losses, training, rows) for training in trainings]


@pytest.mark.slow
@pytest.mark.parametrize("name", DESIGNS)
def test_scores_differ_by_less_than_seeds_make_them_differ(
    name: str, data: mn.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = [advance(member).score for member in members(name, data)]
    noise = max(stdev(plain), 0.002)
    actual = {"bfloat16": [advance(member).score for member in members(name, data, "bfloat16")]}
    together = Fit(*members(name, data)).advance()
    actual["stacked"] = [best.score for best in together if isinstance(best, Check)]
    monkeypatch.setattr(stacking, "SPARSE_UPDATE_ROWS", 1)
    actual["rows of the batch alone"] = [advance(member).score for member in members(name, data)]
    for way, scores in actual.items():
        assert len(scores) == len(plain)
        assert abs(fmean(scores) - fmean(plain)) < 2 * noise, way
    assert actual["stacked"] == pytest.approx(plain, abs=2e-3)  # the same seeds
