"""The tables of the protocol load as declared, and its verdicts follow from its statistics."""

import os
from pathlib import Path

import pytest

from mtl_nas.data import load_dataset
from mtl_nas.presets import compatible_presets
from mtl_nas.space import plain_tree, read_space

ROOT = Path(__file__).parents[2]
OFFLINE = Path(os.environ.get("MTL_NAS_DATA") or ROOT.parent / "shared" / "data")
AIRLINES = ("aDLminpA", "aCOminpA", "aFLminpA", "aUAminpA")
NAMES = {
    "census-income/group1": ("income", "never_married"),
    "census-income/group2": ("college", "never_married"),
    "kuairand-pure": ("click", "long_view", "like", "profile_enter"),
    "diabetes130": ("readmitted", "time_in_hospital", "medicated", "changed"),
    "adult": ("income", "never_married", "college"),
    "bike-sharing": ("casual", "registered"),
    "gas-turbine": ("CO", "NOX"),
    "online-shoppers": ("revenue", "valued", "visitor"),
    "student-por": ("G1", "G2", "G3"),
    "energy-efficiency": ("Y1", "Y2"),
    "mulan-emotions": (
        "amazed-suprised",
        "happy-pleased",
        "relaxing-calm",
        "quiet-still",
        "sad-lonely",
        "angry-aggresive",
    ),
    "mulan-scene": ("Beach", "Sunset", "FallFoliage", "Field", "Mountain", "Urban"),
    "mulan-wq": (
        *("25400", "29600", "30400", "33400", "17300", "19400", "34500", "38100", "49700", "50390", "55800"),
        *("57500", "59300", "37880"),
    ),
    "mulan-atp1d": tuple(f"LBL+{price}+fut_001" for price in ("ALLminpA", "ALLminp0", *AIRLINES)),
}


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("MTL_NAS_DATA", str(OFFLINE))


@pytest.mark.slow
@pytest.mark.skipif(not OFFLINE.is_dir(), reason="needs $MTL_NAS_DATA")
@pytest.mark.parametrize("name", NAMES)
def test_a_table_has_its_tasks_and_every_method_is_compatible(name):
    from benchmarks.protocol.methods import METHODS_BY_NAME, presets
    from benchmarks.protocol.tables import TABLES, table

    assert tuple(TABLES) == tuple(NAMES)
    data = table(name)
    assert data.schema.task_names == NAMES[name]
    assert set(presets(data.schema)) <= set(compatible_presets(data.schema).designs)
    for arguments in METHODS_BY_NAME.values():
        space = arguments(data.schema).space
        assert read_space(plain_tree(space), space.name).for_schema(data.schema).default().training.epochs == 2


def test_tuned_presets_are_points_of_their_space_and_random_draws_have_none():
    from benchmarks.protocol.methods import METHODS_BY_NAME, presets

    funnel = load_dataset("synthetic-funnel")
    arguments = METHODS_BY_NAME["tuned presets"](funnel.schema)
    space = arguments.space.for_schema(funnel.schema)
    assert all(space.contains(compatible_presets(funnel.schema).designs[name]) for name in presets(funnel.schema))
    assert arguments.options["presets"] == presets(funnel.schema)
    assert METHODS_BY_NAME["random"](funnel.schema).options["presets"] == ()


def made_up_results(**gains):
    """Results in which the search leads by ``gains``, nearly the same at five seeds, with a noise of .002."""
    tables = {}
    for name, gain in gains.items():
        runs = {
            method: {
                str(seed): {"scores": {"a": 0.8 + lead + 0.0002 * seed * lead, "b": 0.7}, "work": 20.0}
                for seed in range(5)
            }
            for method, lead in (("search", gain), ("tuned presets", 0.0), ("random", 0.0))
        }
        noise = [{"a": 0.79 + 0.004 * (seed % 2), "b": 0.7} for seed in range(10)]
        metrics, trees = {"a": "auc", "b": "auc"}, {"a": 0.8, "b": 0.7}
        pilot = "seeds move the score by 0.1; architecture matters here"
        tables[name] = {"runs": runs, "noise": noise, "metrics": metrics, "trees": trees, "pilot": pilot}
    return {"tables": tables}


def test_wins_and_losses_follow_from_significance_and_noise():
    from benchmarks.protocol.report import comparison, report, with_adjusted_p

    results = made_up_results(better=0.05, worse=-0.05, small=0.001)
    comparisons = with_adjusted_p([comparison(name, table, "random") for name, table in results["tables"].items()])
    assert [each.verdict for each in comparisons] == ["win", "loss", "undecided"]
    assert comparisons[2].adjusted_p < 0.05  # significant, but smaller than the noise
    text = report(results)
    assert "**Against random: won 1, lost 1, undecided 1** on 3 tables" in text
    assert "It wins on better. It loses on worse." in text
    assert "architecture matters |" in text


def test_the_pages_hold_the_saved_results():
    import json

    from benchmarks.protocol.report import PAGE, README, report, summary

    results = json.loads((ROOT / "benchmarks/results/protocol.json").read_text())
    assert report(results) in PAGE.read_text()
    assert summary(results) in README.read_text()


def test_p_values_are_corrected_by_holm():
    from benchmarks.protocol.report import Comparison, with_adjusted_p

    p_values = {"a": 0.03, "b": 0.01, "c": 0.04}
    comparisons = [Comparison(name, "random", 0.1, 0.0, 0.2, p, 0.0) for name, p in p_values.items()]
    assert [round(each.adjusted_p, 2) for each in with_adjusted_p(comparisons)] == [0.06, 0.03, 0.06]
