"""The protocol: its tables load as they are declared, its verdicts follow from its statistics."""

import os
from pathlib import Path

import pytest

from mtl_nas.data import load_dataset
from mtl_nas.presets import compatible_presets
from mtl_nas.space import plain_tree, read_space

ROOT = Path(__file__).parents[2]
OFFLINE = Path(os.environ.get("MTL_NAS_DATA") or ROOT.parent / "shared" / "data")
NAMES = {
    "census-income/group1": ("income", "never_married"),
    "census-income/group2": ("college", "never_married"),
    "kuairand-pure": ("click", "long_view", "like", "profile_enter"),
    "diabetes130": ("readmitted", "time_in_hospital", "medicated", "changed"),
    "adult": ("income", "never_married", "college"),
    "bike-sharing": ("casual", "registered"),
    "gas-turbine": ("CO", "NOX"),
}


@pytest.fixture(autouse=True)
def benchmarks_are_there(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("MTL_NAS_DATA", str(OFFLINE))


@pytest.mark.slow
@pytest.mark.skipif(not OFFLINE.is_dir(), reason="needs $MTL_NAS_DATA")
@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_its_tasks_and_every_method_fits_it(name):
    from benchmarks.protocol.methods import METHODS_BY_NAME, presets
    from benchmarks.protocol.tables import TABLES, table

    assert tuple(TABLES) == tuple(NAMES)
    data = table(name)
    assert data.schema.task_names == NAMES[name]
    assert set(presets(data.schema)) <= set(compatible_presets(data.schema).designs)
    for asked in METHODS_BY_NAME.values():
        space = asked(data.schema).space
        assert read_space(plain_tree(space), space.name).for_schema(data.schema).default().training.epochs == 2


def test_tuned_designs_are_points_of_their_space_and_random_draws_begin_with_none():
    from benchmarks.protocol.methods import METHODS_BY_NAME, presets

    funnel = load_dataset("synthetic-funnel")
    asked = METHODS_BY_NAME["tuned presets"](funnel.schema)
    space = asked.space.for_schema(funnel.schema)
    assert all(space.contains(compatible_presets(funnel.schema).designs[name]) for name in presets(funnel.schema))
    assert asked.options["presets"] == presets(funnel.schema)
    assert METHODS_BY_NAME["random"](funnel.schema).options["presets"] == ()


def kept(**gains):
    """Made-up results: the search's lead by table, the same at five seeds but for a thousandth, noise .002."""
    tables = {}
    for name, gain in gains.items():
        found = {
            method: {
                str(seed): {"scores": {"a": 0.8 + lead + 0.0002 * seed * lead, "b": 0.7}, "work": 20.0}
                for seed in range(5)
            }
            for method, lead in (("search", gain), ("tuned presets", 0.0), ("random", 0.0))
        }
        noise = [{"a": 0.79 + 0.004 * (seed % 2), "b": 0.7} for seed in range(10)]
        metrics, trees = {"a": "auc", "b": "auc"}, {"a": 0.8, "b": 0.7}
        pilot = "seeds move the score by 0.1; architecture matters here"
        tables[name] = {"found": found, "noise": noise, "metrics": metrics, "trees": trees, "pilot": pilot}
    return {"tables": tables}


def test_wins_and_losses_follow_from_significance_and_noise():
    from benchmarks.protocol.report import compared, holm, report

    results = kept(better=0.05, worse=-0.05, small=0.001)
    found = holm([compared(name, here, "random") for name, here in results["tables"].items()])
    assert [one.verdict for one in found] == ["win", "loss", "undecided"]
    assert found[2].adjusted < 0.05  # clear, and below the noise
    text = report(results)
    assert "**Against random: won 1, lost 1, undecided 1** on 3 tables" in text
    assert "It wins on better. It loses on worse." in text
    assert "architecture matters |" in text


def test_the_pages_hold_what_was_kept():
    import json

    from benchmarks.protocol.report import PAGE, README, report, summary

    kept = json.loads((ROOT / "benchmarks/results/protocol.json").read_text())
    assert report(kept) in PAGE.read_text()
    assert summary(kept) in README.read_text()


def test_holm_steps_down():
    from benchmarks.protocol.report import Compared, holm

    given = [Compared(name, "random", 0.1, 0.0, 0.2, p, 0.0) for name, p in (("a", 0.03), ("b", 0.01), ("c", 0.04))]
    assert [round(one.adjusted, 2) for one in holm(given)] == [0.06, 0.03, 0.06]
