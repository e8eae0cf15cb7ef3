"""The four tables of benchmarks/planted/ contain what is planted, and the space has designs with it and without it."""

from pathlib import Path

import numpy as np
import pytest

import mtl_nas as mn

ROOT = Path(__file__).parents[2]
NAMES = ("shared", "separate", "transfer", "isolated")


@pytest.fixture(autouse=True)
def benchmarks_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.fixture
def plant():
    """Look up a plant by its name."""
    from benchmarks.planted.tables import PLANTS

    assert tuple(PLANTS) == NAMES
    return PLANTS.__getitem__


def labels(data):
    return data.rows("test").labels


def correlations(columns):
    return np.corrcoef(columns.T)[np.triu_indices(columns.shape[1], 1)]


@pytest.mark.parametrize("name", NAMES)
def test_a_table_is_always_the_same(plant, name):
    make = plant(name).data
    assert make() is make()
    assert make.__wrapped__().fingerprint == make().fingerprint


@pytest.mark.parametrize("name", NAMES)
def test_the_planted_design_is_in_the_space_and_others_lack_the_plant(plant, name):
    from benchmarks.planted.__main__ import short_name
    from benchmarks.planted.truth import architectures

    table, designs = plant(name), architectures(name)
    schema = table.data().schema
    assert all(mn.compose(design, schema).key == key for key, design in designs.items())
    assert table.has(designs[mn.compose(table.design, schema).key])
    without = [design for design in designs.values() if not table.has(design)]
    assert 14 <= len(designs) <= 30
    assert len(set(map(short_name, designs.values()))) == len(designs)
    assert 2 <= len(without) < len(designs)


@pytest.mark.parametrize(
    ("name", "experts", "other_experts"),
    [
        ("shared", {"shared": 2, "specific": 1}, {"specific": 2}),
        ("separate", {"shared": 1, "specific": 1}, {"shared": 2}),
        ("isolated", {"family": 1, "specific": 1}, {"shared": 1, "specific": 2}),
    ],
)
def test_a_plant_is_recognised_by_its_experts(plant, name, experts, other_experts):
    from benchmarks.planted.tables import level

    has = plant(name).has
    assert has(mn.Design(levels=[level(**experts)]))
    assert not has(mn.Design(levels=[level(**other_experts)]))


def test_a_transfer_is_recognised_by_its_links(plant):
    from benchmarks.planted.__main__ import short_name

    linked = plant("transfer").design
    assert plant("transfer").has(linked)
    unlinked = linked.model_copy(update={"transfers": mn.Design().transfers})
    assert not plant("transfer").has(unlinked)
    assert (short_name(linked), short_name(unlinked)) == ("specific 1, chain", "specific 1")


def test_readings_of_one_signal_correlate_and_separate_tasks_do_not(plant):
    assert correlations(labels(plant("shared").data())) == pytest.approx(0.2, abs=0.05)
    assert np.abs(correlations(labels(plant("isolated").data())[:, :-1])).mean() > 0.1  # mixtures of the same units
    assert correlations(labels(plant("separate").data())) == pytest.approx(0, abs=0.05)


def test_purchases_follow_clicks_and_the_effect_of_interest_changes_sign_with_column_1(plant):
    data = plant("transfer").data()
    click, buy = labels(data).T
    assert (buy <= click).all()
    assert click.mean() == pytest.approx(0.5, abs=0.02)
    assert 0.1 < buy.mean() < 0.25
    column = data.frame("test")["x1"].to_numpy()
    assert abs(np.corrcoef(column, click)[0, 1]) < 0.05
    assert abs(np.corrcoef(column[click == 1], buy[click == 1])[0, 1]) > 0.3  # interest is high among clicks


def test_lead_and_threshold_are_counted_in_deviations():
    from benchmarks.planted.truth import Truth

    truth = Truth({"a": 0.9, "b": 0.84}, {}, planted="a", deviation=0.02, without="b")
    assert truth.lead == pytest.approx(3)
    assert truth.threshold == pytest.approx(0.88)
