"""Networks in one: every design with members against plain numpy, and against itself with one."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy_reference import random_features, random_weights, schema_of
from reference_checks import check, tensors
from small_designs import (
    FUNNELS,
    PRESET_CASES,
    THREE,
    TWO,
    gated,
    hidden_layers,
    level,
    linked,
    small,
    stacked,
)

from mtl_nas.architecture import Architecture, Node
from mtl_nas.blocks import Expert, Layers, MemberInput, Tower
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Histories, Inputs, Losses, Members
from mtl_nas.errors import ArchitectureError, DesignError
from mtl_nas.model import build, predictions
from mtl_nas.presets import preset
from mtl_nas.space import load_space

FORMS = ("full", "mini")
VARIANTS: dict[str, tuple[Design, Schema]] = {
    "no level, no tower": (stacked(), TWO),
    "no level": (stacked(tower=Tower(hidden=(4, 3))), THREE),
    "levels": (stacked(level(), level(expert=Expert(hidden=(6, 3))), tower=Tower(hidden=(3,))), TWO),
    "gates that read the features": (gated(query="features"), TWO),
    "batch norm": (hidden_layers(norm="batch"), TWO),
    "layer norm": (hidden_layers(norm="layer"), TWO),
    "residual": (hidden_layers(residual=True), TWO),
    "cross layers": (stacked(level(expert=Expert(hidden=(4,), cross=2))), TWO),
    "cross layers alone": (stacked(level(expert=Expert(hidden=(), cross=1))), TWO),
    "feature gates": (stacked(level(expert=Expert(hidden=(4,), feature_gate=2))), TWO),
    "transfers of features": (linked(schema_levels=0), THREE),
    "critics of features": (stacked(critics=Critics(count=2, critic=Layers(hidden=(3,)))), TWO),
    "critics of transferred features": (
        linked(schema_levels=0).model_copy(update={"critics": Critics(count=2, critic=Layers(hidden=(3,)))}),
        TWO,
    ),
    "gates that read fields and histories": (
        Design(
            inputs=Inputs(embedding=3, numbers="standard"),
            levels=(level(),),
            critics=Critics(count=2, gate=GateOptions(query="fields", tied=True)),
        ),
        schema_of("click", "buy", categories=(4, 3), numbers=2, histories=((5, 3), (4,))),
    ),
    "encodings of numbers side by side": (
        Design(inputs=Inputs(numbers=("periodic", "histogram", "robust"), embedding=3, buckets=8), levels=(level(),)),
        schema_of("click", "buy", categories=(4,), numbers=2, missing=True),
    ),
    "features with learned scales": (
        stacked(level(), inputs=Inputs(numbers="standard", embedding=3, scale=True)),
        schema_of("click", "buy", categories=(4,), numbers=2),
    ),
    "histories that read the features": (
        Design(inputs=Inputs(embedding=3, histories=Histories(kind="gru", hidden=4, attention="softmax"))),
        schema_of("click", "buy", categories=(4,), numbers=2, histories=((5,),)),
    ),
    "products": (stacked(level(), funnel="product"), FUNNELS[1]),
}


def with_members(design: Design, count: int = 3, form: str = "full") -> Design:
    return design.model_copy(update={"members": Members.model_validate({"count": count, "form": form})})


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("design", "schema"), VARIANTS.values(), ids=VARIANTS)
def test_members_agree_with_numpy_in_value_and_gradient(design: Design, schema: Schema, form: str) -> None:
    check(with_members(design, form=form), schema, 4)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "schema"), [pytest.param(*case, id=f"{case[0]}-{len(case[1].tasks)}") for case in PRESET_CASES]
)
def test_every_preset_with_members_agrees_with_numpy(name: str, schema: Schema, form: str) -> None:
    check(with_members(small(name, schema), form=form), schema, 4)


def copied(design: Design, schema: Schema, members: int = 3) -> tuple[Architecture, Any, Architecture, Any, Any]:
    """A design with one network and with several that are copies of it, their weights, and features."""
    random = np.random.default_rng(3)
    one, several = compose(design, schema), compose(with_members(design, members), schema)
    weights, features = random_weights(one, random), random_features(one, 5, random)
    copies = {}
    for name, value in build(several, dtype=torch.float64).weights().items():
        if "factors" in name:
            copies[name] = torch.ones_like(value)
        else:
            copies[name] = torch.from_numpy(np.resize(weights[name], value.shape))  # repeats biases and last maps
    models = [build(graph, seed=0, dtype=torch.float64) for graph in (one, several)]
    models[0].set_weights(tensors(weights))
    models[1].set_weights(copies)
    return one, models[0], several, models[1], tensors(features)


@pytest.mark.parametrize(
    ("name", "schema"), [pytest.param(*case, id=f"{case[0]}-{len(case[1].tasks)}") for case in PRESET_CASES]
)
def test_equal_members_predict_as_one(name: str, schema: Schema) -> None:
    one, single, several, model, features = copied(small(name, schema), schema)
    expected = predictions(single.eval()(features), one, schema)
    for task, values in predictions(model.eval()(features), several, schema).items():
        torch.testing.assert_close(values, expected[task], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spelled", [("a", "b<a", "c<b"), ("a", "b*3", "c~"), ("a#", "b/4", "c$")])
def test_a_prediction_is_the_mean_of_those_of_the_members(spelled: tuple[str, ...]) -> None:
    """Of each member alone: a network of one member with that member's rows as outputs."""
    schema = schema_of(*spelled)
    funnel = "product" if "<" in spelled[1] else "direct"
    negatives = Losses(negatives=0.3 if funnel == "product" else 1.0)
    design = stacked(level(), funnel=funnel, losses=negatives)
    one, several = compose(design, schema), compose(with_members(design), schema)
    random = np.random.default_rng(5)
    model = build(several, dtype=torch.float64).eval()
    model.set_weights(tensors(random_weights(several, random)))
    with torch.no_grad():
        outputs = model(tensors(random_features(several, 4, random)))
    alone = [
        predictions({node: values[4 * member : 4 * member + 4] for node, values in outputs.items()}, one, schema)
        for member in range(3)
    ]
    for name, values in predictions(outputs, several, schema).items():
        torch.testing.assert_close(values, sum(each[name] for each in alone) / 3, rtol=1e-12, atol=1e-12)
        assert not torch.allclose(values, alone[0][name])


def test_members_start_apart_by_one_factor_per_column() -> None:
    """Normal draws for embeddings, signs for numbers that enter as they are."""
    schema = schema_of("click", categories=(4, 3), numbers=2)
    network = build(compose(with_members(Design(inputs=Inputs(embedding=3, numbers="standard")), 5), schema), seed=1)
    factors = network.weights()["members/embedding/factors"].view(5, 8)
    assert (factors[:, [0, 3]] == factors[:, [2, 5]]).all()
    assert len(factors[:, [0, 3]].unique()) == 10
    assert set(factors[:, 6:].flatten().tolist()) == {-1.0, 1.0}
    assert len({tuple(row) for row in factors.tolist()}) == 5


def test_weights_by_node_do_not_depend_on_grouping() -> None:
    """The experts of one task are other stages where that task is alone."""
    design = with_members(stacked(level(), tower=Tower(hidden=(3,))))
    weights = build(compose(design, TWO), seed=3).weights()
    alone = build(compose(design, schema_of("click")), seed=4)
    alone.set_weights({name: weights[name] for name in alone.weights() if "gate" not in name} | gates(alone))
    for name, value in alone.weights().items():
        if "gate" not in name:
            assert torch.equal(value, weights[name])


def gates(network: Any) -> dict[str, torch.Tensor]:
    return {name: value for name, value in network.weights().items() if "gate" in name}


@pytest.mark.parametrize("form", FORMS)
def test_multiply_adds_count_every_member(form: str) -> None:
    design = stacked(level(), tower=Tower(hidden=(3,)))
    one, several = compose(design, TWO), compose(with_members(design, 4, form), TWO)
    factors = 4 * sum(
        node.block.macs(several.input_widths(node)) for node in several.nodes if isinstance(node.block, MemberInput)
    )
    own = 4 * (4 * 4 + 2 * (4 + 3)) if form == "full" else 0  # of four experts, and of two towers before and after
    assert several.macs == 4 * one.macs + factors + own
    assert several.members == 4
    assert sum(value.numel() for value in build(several).parameters()) == several.parameters


def test_one_member_is_the_design_without_members() -> None:
    design = stacked(level())
    for form in FORMS:
        assert compose(with_members(design, 1, form), TWO) == compose(design, TWO)
    assert "members" not in design.model_dump()
    assert Design.model_validate_json(with_members(design).model_dump_json()) == with_members(design)


def test_states_of_different_numbers_of_members_do_not_meet() -> None:
    graph = compose(with_members(stacked(level())), TWO)
    nodes = [
        node.model_copy(update={"inputs": ("embedding", *node.inputs[1:])}) if node.name == "level0/gate/buy" else node
        for node in graph.nodes
    ]
    with pytest.raises(ArchitectureError, match=r"node 'level0/gate/buy': .* equally many rows .* got \[1, 3, 3, 3\]"):
        Architecture(nodes=tuple(nodes), heads=graph.heads)


def test_heads_average_equally_many_members() -> None:
    graph = compose(with_members(stacked(tower=Tower())), TWO)
    plain = Node(name="tower/buy", block=Tower(), inputs=("embedding",))
    with pytest.raises(ArchitectureError, match="heads of 'click' and 'buy' average 3 and 1 members"):
        Architecture(nodes=(*(node for node in graph.nodes if node.name != "tower/buy"), plain), heads=graph.heads)


def test_a_number_of_members_is_said_alone_or_with_their_form() -> None:
    assert Design.model_validate({"members": 8}).members == Members(count=8)
    assert preset("mmoe", TWO, members=8).members == Members(count=8)
    assert preset("mmoe", TWO, members={"count": 8, "form": "mini"}).members == Members(count=8, form="mini")
    assert preset("mmoe", TWO).members == Members()
    with pytest.raises(DesignError, match=r"preset 'mmoe': members.count: input should be .* 64, got 65"):
        preset("mmoe", TWO, members=65)
    with pytest.raises(DesignError, match="preset 'mmoe': unknown key 'members.number'"):
        preset("mmoe", TWO, members={"number": 3})


def test_the_space_of_everything_holds_networks_in_one() -> None:
    space = load_space("everything").for_schema(TWO)
    for members in (1, 8, {"count": 16, "form": "mini"}):
        assert space.contains(preset("shared_bottom", TWO, members=members))
    assert not space.contains(preset("shared_bottom", TWO, members=3))
    assert space.default().design.members == Members()


def test_numbers_and_forms_of_members_are_different_graphs() -> None:
    designs = [preset("mmoe", TWO, members={"count": count, "form": form}) for count in (2, 3) for form in FORMS]
    assert len({compose(design, TWO).key for design in (*designs, preset("mmoe", TWO))}) == 5
