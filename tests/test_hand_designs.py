"""Presets: what they fix, which tables they fit, and what they say where they do not."""

from typing import Any

import pytest
from numpy_reference import schema_of

from mtl_nas.composition import compose
from mtl_nas.data.schema import Schema
from mtl_nas.design import Design
from mtl_nas.errors import DesignError
from mtl_nas.hand_designs import PRESETS, fitting, preset, presets

PLAIN = schema_of("income", "married")
FUNNEL = schema_of("click", "buy<click")
STEPS = schema_of("click", "buy<click", "pay<buy")
FORK = schema_of("click", "buy<click", "like<click")
NEED = "{} needs a funnel, and no task is declared 'after' another"


def test_presets_are_listed_in_one_order() -> None:
    assert presets() == ("single_task", "shared_bottom", "omoe", "mmoe", "cgc", "ple", "esmm", "aitm")
    assert presets() == tuple(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("schema", [FUNNEL, STEPS, FORK])
def test_every_preset_composes_on_a_funnel_and_predicts_every_task(name: str, schema: Schema) -> None:
    architecture = compose(preset(name, schema), schema)
    assert architecture.tasks == schema.task_names
    assert architecture.parameters > 0


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_round_trips_through_json(name: str) -> None:
    design = preset(name, STEPS)
    assert Design.model_validate_json(design.model_dump_json()) == design


def test_a_table_without_a_funnel_fits_all_but_the_funnel_models() -> None:
    designs, reasons = fitting(PLAIN)
    assert set(designs) == set(PRESETS) - {"esmm", "aitm"}
    assert reasons == {name: NEED.format(name) for name in ("esmm", "aitm")}
    assert fitting(FUNNEL)[1] == {}


@pytest.mark.parametrize("name", ["esmm", "aitm"])
def test_a_funnel_model_says_what_it_needs(name: str) -> None:
    with pytest.raises(DesignError) as problem:
        preset(name, PLAIN)
    assert str(problem.value) == NEED.format(name)


@pytest.mark.parametrize(("name", "hint"), [("plee", "; did you mean 'ple'?"), ("xyzzy", "")])
def test_an_unknown_preset_lists_those_there_are(name: str, hint: str) -> None:
    with pytest.raises(DesignError) as problem:
        preset(name, PLAIN)
    listed = "single_task, shared_bottom, omoe, mmoe, cgc, ple, esmm, aitm"
    assert str(problem.value) == f"no preset '{name}'; presets: {listed}{hint}"


@pytest.mark.parametrize(
    ("name", "sizes", "found"),
    [
        ("mmoe", {}, {"shared": 8, "hidden": (16,), "tower": (8,), "embedding": 8}),  # Ma et al., 2018
        ("mmoe", {"experts": 4, "hidden": (64, 32), "tower": (), "embedding": 3}, {"shared": 4, "hidden": (64, 32)}),
        ("shared_bottom", {}, {"shared": 1, "hidden": (256, 128), "tower": (64,)}),  # DeepCTR
        ("aitm", {}, {"shared": 0, "hidden": (128, 64, 32), "tower": (), "embedding": 5}),  # the official code
    ],
)
def test_published_sizes_are_the_defaults_and_keywords_change_them(
    name: str, sizes: dict[str, Any], found: dict[str, Any]
) -> None:
    design = preset(name, FUNNEL, **sizes)
    actual = {
        "shared": design.levels[0].shared,
        "hidden": design.levels[0].expert.hidden,
        "tower": design.tower.hidden,
        "embedding": design.inputs.embedding,
    }
    assert {word: actual[word] for word in found} == found


def test_esmm_has_the_towers_of_its_paper() -> None:
    design = preset("esmm", FUNNEL)
    assert (design.levels, design.tower.hidden, design.inputs.embedding) == ((), (360, 200, 80), 18)
    assert design.funnel == "product"


def test_the_calibrator_weighs_less_in_longer_funnels() -> None:
    assert preset("aitm", FUNNEL).losses.calibrator == 0.6
    assert preset("aitm", STEPS).losses.calibrator == 0.3
    assert preset("aitm", STEPS, calibrator=0.0).losses.calibrator == 0.0
    assert all(preset(name, STEPS).losses.calibrator == 0.0 for name in PRESETS if name != "aitm")


def test_transfers_follow_the_nesting() -> None:
    assert preset("aitm", STEPS).transfers.links == "chain"
    assert preset("aitm", FORK).transfers.links == (("click", "buy"), ("click", "like"))
    apart = schema_of("age", "click", "buy<click")
    assert preset("aitm", apart).transfers.links == (("click", "buy"),)


def test_depth_is_a_size_of_ple() -> None:
    assert len(preset("ple", PLAIN).levels) == 2
    assert len(preset("ple", PLAIN, levels=3).levels) == 3


@pytest.mark.parametrize("name", ["single_task", "shared_bottom"])
def test_a_network_without_hidden_layers_is_its_embedding_and_towers(name: str) -> None:
    assert preset(name, PLAIN, hidden=()).levels == ()


def test_a_network_a_task_owns_its_tables() -> None:
    architecture = compose(preset("single_task", PLAIN), PLAIN)
    assert all(len(architecture.reaching[node.name]) == 1 for node in architecture.nodes)


def test_inputs_pass_through_every_preset() -> None:
    for name in PRESETS:
        assert preset(name, FUNNEL, numbers="piecewise", buckets=64).inputs.numbers == "piecewise"
