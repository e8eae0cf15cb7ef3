"""The simulator of the dense table reproduces the saved results of its methods."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.parametrize(
    ("method", "seed"), [pytest.param("the default, 100", 2, marks=pytest.mark.slow), ("random search, 100", 0)]
)
def test_a_simulated_search_reproduces_its_saved_regret(method, seed):
    from benchmarks.table.simulate import RESULTS, outcome

    saved = json.loads((RESULTS / "simulated-synthetic-funnel.json").read_text())["methods"][method]
    assert saved["regrets"][seed] > 0
    assert round(outcome("synthetic-funnel", method, seed).regret, 6) == saved["regrets"][seed]


def test_the_noise_of_a_training_follows_from_its_seed():
    from benchmarks.table.dense_table import read_table

    table = read_table("synthetic-funnel")
    scores = table.training(0, seed=3)
    assert scores.shape == (len(table.shares) + 2, len(table.tasks))
    assert (scores == table.training(0, seed=3)).all()
    assert (scores != table.training(0, seed=4)).any()
    assert table.regret(int(table.true_scores.argmax())) == 0
