"""Presets: what they fix, which tables they fit, and what they say where they do not."""

import re
from typing import Any

import pytest
from numpy_reference import schema_of

from mtl_nas.blocks import Expert, Layers
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Gating, Histories, Routing, Stitching
from mtl_nas.errors import DesignError
from mtl_nas.presets import PRESETS, compatible_presets, descriptions, preset, preset_names

PLAIN = schema_of("income", "married")
FUNNEL = schema_of("click", "buy<click")
STEPS = schema_of("click", "buy<click", "pay<buy")
FORK = schema_of("click", "buy<click", "like<click")
EVERYTHING = {"categories": (4,), "histories": ((5, 3),)}  # with families, what every preset needs
FIT_ALL = (
    schema_of("click@use", "buy<click@use", **EVERYTHING),
    schema_of("click@use", "buy<click@money", "pay<buy@money", **EVERYTHING),
    schema_of("click@use", "buy<click@money", "like<click", **EVERYTHING),  # one task is in no family
)
NEEDS = {
    "dupn": "dupn reads behaviour sequences, and the data declares none",
    "home": "home needs families of tasks, and no task is declared with a 'family'",
    "esmm": "esmm needs a funnel, and no task is declared 'after' another",
    "aitm": "aitm needs a funnel, and no task is declared 'after' another",
}
NAMES = (  # as a search tries them
    *("single_task", "shared_bottom", "mmoe", "ple", "dupn", "aitm", "esmm", "metaheac", "stem", "home", "adatt"),
    *("cross_stitch", "cgc", "mlmmoe", "snr", "omoe"),
)


def test_presets_are_listed_in_one_order() -> None:
    assert preset_names() == NAMES
    assert preset_names() == tuple(PRESETS)


def test_every_preset_is_described_by_its_paper_a_sentence_and_its_keywords() -> None:
    assert tuple(described.name for described in descriptions()) == NAMES
    for name, paper, summary, sizes, needs in descriptions():
        assert (needs in NEEDS[name]) if needs else (name not in NEEDS)
        assert re.fullmatch(r"[A-Z][^.]*\.", summary), name
        assert (paper == "") == (name == "single_task")
        assert not paper or re.fullmatch(r"[A-Z]\w+( et al\.)?,( [A-Z]+)? (19|20)\d\d|Tang et al., RecSys 2020", paper)
        assert preset(name, FIT_ALL[0], **eval(f"dict({sizes})")) == preset(name, FIT_ALL[0])


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("schema", FIT_ALL)
def test_every_preset_composes_on_a_funnel_and_predicts_every_task(name: str, schema: Schema) -> None:
    architecture = compose(preset(name, schema), schema)
    assert architecture.tasks == schema.task_names
    assert architecture.parameters > 0


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_round_trips_through_json(name: str) -> None:
    design = preset(name, FIT_ALL[1])
    assert Design.model_validate_json(design.model_dump_json()) == design


def test_a_plain_table_fits_all_but_what_needs_a_funnel_families_or_histories() -> None:
    designs, reasons = compatible_presets(PLAIN)
    assert set(designs) == set(PRESETS) - set(NEEDS)
    assert reasons == NEEDS


@pytest.mark.parametrize(
    ("schema", "missing"),
    [
        (FUNNEL, {"dupn", "home"}),
        (schema_of("click@use", "buy"), {"dupn", "esmm", "aitm"}),
        (schema_of("click", "buy", histories=((5,),)), {"home", "esmm", "aitm"}),
        *((schema, set()) for schema in FIT_ALL),
    ],
)
def test_what_a_table_declares_lets_its_models_in(schema: Schema, missing: set[str]) -> None:
    assert compatible_presets(schema).reasons == {name: NEEDS[name] for name in missing}


@pytest.mark.parametrize("name", NEEDS)
def test_a_model_says_what_it_needs(name: str) -> None:
    with pytest.raises(DesignError) as problem:
        preset(name, PLAIN)
    assert str(problem.value) == NEEDS[name]


@pytest.mark.parametrize(("name", "hint"), [("plee", "; did you mean 'ple'?"), ("xyzzy", "")])
def test_an_unknown_preset_lists_those_there_are(name: str, hint: str) -> None:
    with pytest.raises(DesignError) as problem:
        preset(name, PLAIN)
    assert str(problem.value) == f"no preset '{name}'; presets: {', '.join(NAMES)}{hint}"


@pytest.mark.parametrize(
    ("name", "sizes", "expected"),
    [
        ("mmoe", {"sizes": "paper"}, {"shared": 8, "hidden": (16,), "tower": (8,), "embedding": 8}),  # Ma et al., 2018
        ("mmoe", {"experts": 4, "hidden": (64, 32), "tower": (), "embedding": 3}, {"shared": 4, "hidden": (64, 32)}),
        ("mmoe", {}, {"shared": 4, "hidden": (128, 64), "tower": (64,), "embedding": 8}),
        ("mmoe", {"sizes": "paper", "experts": 2}, {"shared": 2, "hidden": (16,)}),
        ("shared_bottom", {}, {"shared": 1, "hidden": (256, 128), "tower": (64,)}),  # DeepCTR
        ("aitm", {}, {"shared": 0, "hidden": (128, 64, 32), "tower": (), "embedding": 5}),  # the official code
        ("metaheac", {}, {"shared": 8, "hidden": (64, 64)}),  # Zhu et al., 2021
        ("snr", {"experts": 3, "hidden": (8, 4)}, {"shared": 3, "hidden": (8, 4)}),
    ],
)
def test_sizes_are_published_ones_or_measured_ones_and_keywords_change_them(
    name: str, sizes: dict[str, Any], expected: dict[str, Any]
) -> None:
    design = preset(name, FUNNEL, **sizes)
    actual = {
        "shared": design.levels[0].shared,
        "hidden": design.levels[0].expert.hidden,
        "tower": design.tower.hidden,
        "embedding": design.inputs.embedding,
    }
    assert {word: actual[word] for word in expected} == expected


def test_other_sizes_than_measured_or_published_ones_are_refused() -> None:
    with pytest.raises(DesignError, match=r"preset 'mmoe': sizes is measured or paper, got 'large'"):
        preset("mmoe", FUNNEL, "large")  # type: ignore[arg-type]


def test_esmm_has_the_towers_of_its_paper() -> None:
    design = preset("esmm", FUNNEL)
    assert (design.levels, design.tower.hidden, design.inputs.embedding) == ((), (360, 200, 80), 18)
    assert design.funnel == "product"


def test_the_calibrator_weighs_less_in_longer_funnels() -> None:
    assert preset("aitm", FUNNEL).losses.calibrator == 0.6
    assert preset("aitm", STEPS).losses.calibrator == 0.3
    assert preset("aitm", STEPS, calibrator=0.0).losses.calibrator == 0.0
    assert all(preset(name, FIT_ALL[1]).losses.calibrator == 0.0 for name in PRESETS if name != "aitm")


def test_transfers_follow_the_nesting() -> None:
    assert preset("aitm", STEPS).transfers.links == "chain"
    assert preset("aitm", FORK).transfers.links == (("click", "buy"), ("click", "like"))
    apart = schema_of("age", "click", "buy<click")
    assert preset("aitm", apart).transfers.links == (("click", "buy"),)


@pytest.mark.parametrize("name", ["ple", "mlmmoe", "snr", "adatt"])
def test_depth_is_a_size_of_models_of_several_levels(name: str) -> None:
    assert len(preset(name, PLAIN).levels) == 2
    assert len(preset(name, PLAIN, levels=3).levels) == 3


def test_a_trunk_is_stitched_after_every_layer() -> None:
    levels = preset("cross_stitch", PLAIN, hidden=(9, 7, 5)).levels
    assert [(level.specific, level.expert.hidden, level.mixing) for level in levels] == [
        (1, (width,), Stitching()) for width in (9, 7, 5)
    ]


def test_routes_are_options_of_snr() -> None:
    mixing = [preset("snr", PLAIN, transform=transform).levels[0].mixing for transform in (True, False)]
    assert mixing == [Routing(penalty=1e-4), Routing(transform=False, penalty=1e-4)]


def test_experts_and_critics_of_metaheac_are_gated_alike() -> None:
    """By a hidden layer of 64 on the mean of the fields and the task's embedding, the same for all tasks.

    The last layer of both gates has a bias, as in the authors' code.
    """
    design = preset("metaheac", PLAIN)
    options = {"query": "fields", "tied": True, "hidden": (64,), "bias": True}
    assert design.levels[0].mixing == Gating(**options)
    assert design.critics == Critics(count=5, critic=Layers(), gate=GateOptions(**options))
    linear = Gating(query="fields", tied=True, bias=True)
    assert preset("metaheac", PLAIN, gate=()).levels[0].mixing == linear  # MTReclib


def test_home_is_families_then_tasks_of_normalised_swish_experts() -> None:
    first, second = preset("home", FIT_ALL[0], rank=4).levels
    assert (first.specific, second.specific) == (0, 1)
    assert (first.mixing, second.mixing) == (Gating(placement="family"), Gating(residual="gate"))
    assert first.expert == second.expert == Expert(hidden=(64,), norm="batch", activation="silu", feature_gate=4)


def test_dupn_reads_histories_by_an_lstm_that_properties_gate_and_weighs_them_by_the_features() -> None:
    design = preset("dupn", FIT_ALL[0])
    assert design.inputs.histories == Histories(
        kind="property_gated_lstm", hidden=32, attention="softmax", attention_hidden=(64,), context="features"
    )
    assert design.levels == ()


@pytest.mark.parametrize("name", ["single_task", "shared_bottom"])
def test_a_network_without_hidden_layers_is_its_embedding_and_towers(name: str) -> None:
    assert preset(name, PLAIN, hidden=()).levels == ()


def test_networks_of_single_task_own_their_tables() -> None:
    architecture = compose(preset("single_task", PLAIN), PLAIN)
    assert all(len(architecture.reaching[node.name]) == 1 for node in architecture.nodes)


def test_inputs_pass_through_every_preset() -> None:
    for name in PRESETS:
        assert preset(name, FIT_ALL[0], numbers="piecewise", buckets=64).inputs.numbers == "piecewise"
        assert preset(name, FIT_ALL[0]).inputs.numbers == "auto"
