"""Keys of designs: one for those that are equal by structure, different ones for all others."""

from itertools import combinations

import numpy as np
import pytest
from isomorphism import matcher
from numpy_reference import outputs, random_features, random_weights, schema_of

from mtl_nas.architecture import Node
from mtl_nas.blocks import Expert, Gate, Layers, Tower, Transfer
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import (
    Critics,
    Design,
    GateOptions,
    Gating,
    Histories,
    Inputs,
    Level,
    Losses,
    Routing,
    Stitching,
    Transfers,
)
from mtl_nas.presets import preset

ONE, PAIR, FUNNEL = schema_of("click"), schema_of("click", "buy"), schema_of("click", "buy<click", "pay<buy")

# Different ones

DESIGNS = {
    "one expert": Design(levels=(Level(shared=1),)),
    "two experts": Design(levels=(Level(shared=2),)),
    "two levels": Design(levels=(Level(shared=2), Level(shared=2))),
    "own and shared": Design(levels=(Level(shared=1, specific=1),)),
    "own alone": Design(levels=(Level(specific=2),)),
    "own of one task": Design(levels=(Level(shared=1, specific={"click": 1}),)),
    "own of the other": Design(levels=(Level(shared=1, specific={"buy": 1}),)),
    "sees all": Design(levels=(Level(shared=1, specific=1, mixing=Gating(sees="all")),)),
    "one gate": Design(levels=(Level(shared=2, mixing=Gating(placement="all")),)),
    "a mean": Design(levels=(Level(shared=2, mixing=Gating(placement="none")),)),
    "a bias": Design(levels=(Level(shared=2, mixing=Gating(bias=True)),)),
    "a temperature": Design(levels=(Level(shared=2, mixing=Gating(temperature=2.0)),)),
    "a hidden gate": Design(levels=(Level(shared=2, mixing=Gating(hidden=(16,))),)),
    "asks features": Design(levels=(Level(shared=2), Level(shared=2, mixing=Gating(query="features")))),
    "a wide expert": Design(levels=(Level(shared=2, expert=Expert(hidden=(17,))),)),
    "a deep expert": Design(levels=(Level(shared=2, expert=Expert(hidden=(16, 16))),)),
    "a smooth expert": Design(levels=(Level(shared=2, expert=Expert(activation="gelu")),)),
    "tables a task": Design(inputs=Inputs(tables="task"), levels=(Level(shared=1, specific=1),)),
    "no level": Design(),
    "no level, tables a task": Design(inputs=Inputs(tables="task")),
    "a tower": Design(tower=Tower(hidden=(16,))),
    "wide embeddings": Design(inputs=Inputs(embedding=9)),
    "more buckets": Design(inputs=Inputs(buckets=64)),
    "numbers as they are": Design(inputs=Inputs(numbers="standard")),
    "numbers by rank": Design(inputs=Inputs(numbers="quantile")),
    "a chain": Design(levels=(Level(specific=1),), transfers=Transfers(links="chain")),
    "a chain upwards": Design(levels=(Level(specific=1),), transfers=Transfers(links=(("buy", "click"),))),
    "a linear chain": Design(
        levels=(Level(specific=1),), transfers=Transfers(links="chain", transfer=Transfer(information="linear"))
    ),
    "no chain": Design(levels=(Level(specific=1),)),
    "gates of experts": Design(levels=(Level(shared=2, mixing=Gating(placement="expert")), Level(shared=2))),
    "the shared gate sees the shared": Design(
        levels=(Level(shared=2, specific=1, mixing=Gating(shared_sees="shared")), Level(shared=1))
    ),
    "the shared gate sees all": Design(levels=(Level(shared=2, specific=1), Level(shared=1))),
    "stopped": Design(levels=(Level(shared=1, specific=1, mixing=Gating(sees="all", stop_gradient=True)),)),
    "own ones added": Design(levels=(Level(shared=1, specific=2, mixing=Gating(residual="linear")),)),
    "own ones added by a gate": Design(levels=(Level(shared=1, specific=2, mixing=Gating(residual="gate")),)),
    "top one": Design(levels=(Level(shared=2, mixing=Gating(kind="top_k", top=1)),)),
    "a sigmoid": Design(levels=(Level(shared=2, mixing=Gating(kind="sigmoid")),)),
    "a sigmoid over one": Design(levels=(Level(shared=1, mixing=Gating(kind="sigmoid")),)),
    "numbers as weights": Design(levels=(Level(shared=2, mixing=Gating(kind="static")),)),
    "tied numbers as weights": Design(levels=(Level(shared=2, mixing=Gating(kind="static", tied=True)),)),
    "tied": Design(levels=(Level(shared=2, mixing=Gating(tied=True)),)),
    "asks jointly": Design(levels=(Level(shared=2), Level(shared=2, mixing=Gating(query="joint")))),
    "asks fields": Design(levels=(Level(shared=2, mixing=Gating(query="fields")),)),
    "stitched": Design(levels=(Level(specific=1, mixing=Stitching()),)),
    "stitched by unit": Design(levels=(Level(specific=1, mixing=Stitching(channelwise=True)),)),
    "routed": Design(levels=(Level(shared=2, mixing=Routing()),)),
    "routed without maps": Design(levels=(Level(shared=2, mixing=Routing(transform=False)),)),
    "routed at a price": Design(levels=(Level(shared=2, mixing=Routing(penalty=0.1)),)),
    "a crossed expert": Design(levels=(Level(shared=2, expert=Expert(cross=1)),)),
    "crosses alone": Design(levels=(Level(shared=2, expert=Expert(hidden=(), cross=1)),)),
    "gated features": Design(levels=(Level(shared=2, expert=Expert(feature_gate=2)),)),
    "experts that add what they read": Design(levels=(Level(shared=2, expert=Expert(residual=True)),)),
    "critics": Design(critics=Critics(count=2)),
    "three critics": Design(critics=Critics(count=3)),
    "one critic": Design(critics=Critics(count=1)),
    "deep critics": Design(critics=Critics(count=2, critic=Layers(hidden=(4,)))),
    "critics under free gates": Design(critics=Critics(count=2, gate=GateOptions(query="fields", hidden=(64,)))),
    "critics that ask states": Design(critics=Critics(count=2, gate=GateOptions(query="state"))),
    "a chain without slopes": Design(
        levels=(Level(specific=1),), transfers=Transfers(links="chain", transfer=Transfer(stop_gradient=True))
    ),
    "a chain that drops out": Design(
        levels=(Level(specific=1),), transfers=Transfers(links="chain", transfer=Transfer(dropout=0.1))
    ),
}
HISTORIES = {
    f"{kind}, {attention}, {context}": Histories(kind=kind, attention=attention, context=context)
    for kind in ("mean", "gru", "lstm", "property_gated_lstm")
    for attention, context in (
        ("none", "features"),
        *((attention, context) for attention in ("softmax", "sigmoid") for context in ("none", "features")),
    )
}


def test_different_designs_have_different_keys() -> None:
    keys = {name: compose(design, PAIR).key for name, design in DESIGNS.items()}
    same = [pair for pair in combinations(keys, 2) if keys[pair[0]] == keys[pair[1]]]
    assert same == []


def test_thinned_negatives_make_another_model() -> None:
    schema = schema_of("click", "buy<click")
    assert compose(Design(), schema).key != compose(Design(losses=Losses(negatives=0.5)), schema).key


def test_different_readers_of_histories_have_different_keys() -> None:
    schema = schema_of("click", histories=((5, 3),))
    more = {"wide": Histories(kind="gru", hidden=5), "deep": Histories(attention="softmax", attention_hidden=(4, 4))}
    keys = {
        name: compose(Design(inputs=Inputs(histories=histories)), schema).key
        for name, histories in (HISTORIES | more).items()
    }
    assert [pair for pair in combinations(keys, 2) if keys[pair[0]] == keys[pair[1]]] == []


def test_families_are_told_apart_by_their_tasks_not_by_their_names() -> None:
    spelled = (
        ("click@a", "like@a", "buy@b"),
        ("click@use", "like@use", "buy"),
        ("click@a", "like@b", "buy@b"),
        ("click@a", "like@a", "buy@a"),
    )
    schemas = [schema_of(*tasks) for tasks in spelled]
    first, renamed, other, single = (compose(preset("home", schema), schema).key for schema in schemas)
    assert first == renamed
    assert len({first, other, single}) == 3


# The same by structure

ROW = Level(shared=2, specific=1)
FIELDS = Gating(query="fields")
ITEMS = schema_of("click", "buy", histories=((5,),))
EQUAL: dict[str, tuple[Design, Design, Schema]] = {
    "MMoE with one expert is a shared bottom": (
        preset("mmoe", PAIR, experts=1, hidden=(8,), tower=(4,)),
        preset("shared_bottom", PAIR, hidden=(8,), tower=(4,)),
        PAIR,
    ),
    "CGC without own experts is MMoE": (
        preset("cgc", PAIR, shared=3, specific=0, hidden=(8,), tower=(4,)),
        preset("mmoe", PAIR, experts=3, hidden=(8,), tower=(4,)),
        PAIR,
    ),
    "PLE of one level is CGC": (preset("ple", PAIR, levels=1), preset("cgc", PAIR), PAIR),
    "a product of one factor is that factor": (Design(levels=(ROW,), funnel="product"), Design(levels=(ROW,)), PAIR),
    "no links is no transfer": (Design(levels=(ROW,), transfers=Transfers(links=())), Design(levels=(ROW,)), PAIR),
    "an unused transfer has no options": (
        Design(levels=(ROW,), transfers=Transfers(transfer=Transfer(score="cross", share=False))),
        Design(levels=(ROW,)),
        PAIR,
    ),
    "a chain is its links": (
        Design(levels=(ROW,), transfers=Transfers(links="chain")),
        Design(levels=(ROW,), transfers=Transfers(links=(("buy", "pay"), ("click", "buy")))),
        FUNNEL,
    ),
    "a gate over one expert has no options": (
        Design(levels=(Level(shared=1, mixing=Gating(hidden=(3,), bias=True, temperature=2.0)),)),
        Design(levels=(Level(shared=1, mixing=Gating(placement="none")),)),
        PAIR,
    ),
    "one expert for all needs no gate": (
        Design(levels=(Level(shared=1, mixing=Gating(placement="all")),)),
        Design(levels=(Level(shared=1, mixing=Gating(sees="all")),)),
        PAIR,
    ),
    "a mean asks nothing": (
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="none", query="features", bias=True)}),)),
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="none")}),)),
        PAIR,
    ),
    "the state below the lowest level is the features": (
        Design(levels=(ROW.model_copy(update={"mixing": Gating(query="features")}),)),
        Design(levels=(ROW,)),
        PAIR,
    ),
    "all experts are the shared ones": (
        Design(levels=(Level(shared=2, mixing=Gating(sees="all")),)),
        Design(levels=(Level(shared=2),)),
        PAIR,
    ),
    "a mapping with a number for each task": (
        Design(levels=(Level(shared=1, specific={"click": 2, "buy": 2}),)),
        Design(levels=(Level(shared=1, specific=2),)),
        PAIR,
    ),
    "absent from a mapping is none": (
        Design(levels=(Level(shared=1, specific={"click": 2, "buy": 0}),)),
        Design(levels=(Level(shared=1, specific={"click": 2}),)),
        PAIR,
    ),
    "a single task has one gate": (
        Design(levels=(Level(shared=2, mixing=Gating(placement="all")),)),
        Design(levels=(Level(shared=2),)),
        ONE,
    ),
    "a single task owns what it shares": (
        Design(levels=(Level(shared=1, specific=2),)),
        Design(levels=(Level(shared=3),)),
        ONE,
    ),
    "tables of the only task": (
        Design(inputs=Inputs(tables="task"), levels=(Level(specific=2),)),
        Design(levels=(Level(specific=2),)),
        ONE,
    ),
    "buckets that number encodings do not use": (
        Design(inputs=Inputs(numbers="standard", buckets=64)),
        Design(inputs=Inputs(numbers="standard", buckets=8)),
        PAIR,
    ),
    "number encodings without numbers": (
        Design(inputs=Inputs(numbers="piecewise", buckets=64)),
        Design(inputs=Inputs(numbers="quantile")),
        schema_of("click", "buy", numbers=0, categories=(4,)),
    ),
    "losses are no architecture": (
        preset("aitm", FUNNEL, calibrator=0.6),
        preset("aitm", FUNNEL, calibrator=0.0),
        FUNNEL,
    ),
    "a tower without hidden layers has no options": (
        Design(tower=Tower(activation="gelu", norm="batch", dropout=0.5)),
        Design(tower=Tower()),
        PAIR,
    ),
    "embeddings without tables have no width": (
        Design(inputs=Inputs(numbers="standard", embedding=4)),
        Design(inputs=Inputs(numbers="standard", embedding=8)),
        PAIR,
    ),
    "numbers that enter as they are belong to nobody": (
        preset("single_task", PAIR, hidden=(8,), tower=(4,), numbers="standard"),
        preset("cgc", PAIR, shared=0, hidden=(8,), tower=(4,), numbers="standard"),
        PAIR,
    ),
    "the top of all experts is all of them": (
        Design(levels=(Level(shared=2, mixing=Gating(kind="top_k", top=2)),)),
        Design(levels=(Level(shared=2),)),
        PAIR,
    ),
    "numbers as weights ask nothing": (
        Design(levels=(Level(shared=2, mixing=Gating(kind="static", hidden=(3,), bias=True, query="fields")),)),
        Design(levels=(Level(shared=2, mixing=Gating(kind="static", temperature=2.0)),)),
        PAIR,
    ),
    "a mean has no weights to tie": (
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="none", tied=True, kind="sigmoid")}),)),
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="none")}),)),
        PAIR,
    ),
    "one task is tied to nobody": (
        Design(levels=(Level(shared=2, mixing=Gating(tied=True)),), critics=Critics(gate=GateOptions(query="state"))),
        Design(levels=(Level(shared=2),), critics=Critics(gate=GateOptions(query="state", tied=True))),
        ONE,
    ),
    "one task has nobody to be stitched to": (
        Design(levels=(Level(specific=1, mixing=Stitching(channelwise=True)),)),
        Design(levels=(Level(specific=1),)),
        ONE,
    ),
    "one task has no other expert to stop at": (
        Design(levels=(Level(specific=2, mixing=Gating(sees="all", stop_gradient=True)),)),
        Design(levels=(Level(specific=2),)),
        ONE,
    ),
    "nothing is stopped where nobody else's is seen": (
        Design(levels=(Level(shared=1, specific=1, mixing=Gating(stop_gradient=True)),)),
        Design(levels=(Level(shared=1, specific=1),)),
        PAIR,
    ),
    "one gate for all adds nobody's own": (
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="all", residual="linear", sees="all")}),)),
        Design(levels=(ROW.model_copy(update={"mixing": Gating(placement="all")}),)),
        PAIR,
    ),
    "without own experts nothing is added": (
        Design(levels=(Level(shared=2, mixing=Gating(residual="gate")),)),
        Design(levels=(Level(shared=2, mixing=Gating(residual="linear")),)),
        PAIR,
    ),
    "without own experts the shared gate sees the shared ones": (
        Design(levels=(Level(shared=2, mixing=Gating(shared_sees="shared")),) * 2),
        Design(levels=(Level(shared=2),) * 2),
        PAIR,
    ),
    "one expert above has the gate of its owner": (
        Design(levels=(Level(shared=1, specific=1, mixing=Gating(placement="expert")),) * 2),
        Design(levels=(Level(shared=1, specific=1),) * 2),
        PAIR,
    ),
    "tasks without families are families": (
        Design(levels=(Level(family=2, shared=1),)),
        Design(levels=(Level(specific=2, shared=1),)),
        PAIR,
    ),
    "a gate a family is a gate a task where each is alone": (
        Design(levels=(Level(shared=1, specific=1, mixing=Gating(placement="family")),)),
        Design(levels=(Level(shared=1, specific=1),)),
        PAIR,
    ),
    "one family is everybody": (
        Design(levels=(Level(family=2),) * 2),
        Design(levels=(Level(shared=2),) * 2),
        schema_of("click@use", "buy@use"),
    ),
    "experts that do nothing are no level": (
        Design(levels=(Level(shared=3, expert=Expert(hidden=(), activation="gelu", dropout=0.5)),)),
        Design(),
        PAIR,
    ),
    "towers behind critics": (Design(critics=Critics(), tower=Tower(hidden=(9,))), Design(critics=Critics()), PAIR),
    "one critic needs no gate": (
        Design(critics=Critics(count=1)),
        Design(critics=Critics(count=1, gate=GateOptions(kind="sigmoid"))),
        PAIR,
    ),
    "one linear critic for one task is a tower": (Design(critics=Critics(count=1)), Design(), ONE),
    "critics without hidden layers have no options": (
        Design(critics=Critics(critic=Layers(activation="gelu", norm="batch", dropout=0.5))),
        Design(critics=Critics()),
        PAIR,
    ),
    "numbers without tables belong to nobody, asked or not": (
        Design(inputs=Inputs(numbers="standard", tables="task"), levels=(Level(shared=2, mixing=FIELDS),)),
        Design(inputs=Inputs(numbers="standard"), levels=(Level(shared=2, mixing=FIELDS),)),
        PAIR,
    ),
    "gates by properties that a history has not": (
        Design(inputs=Inputs(histories=Histories(kind="property_gated_lstm"))),
        Design(inputs=Inputs(histories=Histories(kind="lstm"))),
        ITEMS,
    ),
    "a mean has no width of its own": (
        Design(inputs=Inputs(histories=Histories(hidden=5))),
        Design(inputs=Inputs(histories=Histories(hidden=6))),
        ITEMS,
    ),
    "without attention nothing is weighed": (
        Design(inputs=Inputs(histories=Histories(kind="gru", attention_hidden=(5,), context="none"))),
        Design(inputs=Inputs(histories=Histories(kind="gru"))),
        ITEMS,
    ),
    "attention without features to ask": (
        Design(inputs=Inputs(histories=Histories(attention="softmax", context="features"))),
        Design(inputs=Inputs(histories=Histories(attention="softmax", context="none"))),
        schema_of("click", numbers=0, histories=((5, 3),)),
    ),
    "readers of histories that there are not": (
        Design(inputs=Inputs(histories=Histories(kind="lstm", attention="softmax"))),
        Design(),
        PAIR,
    ),
    "one transfer shares with nobody": (
        Design(levels=(ROW,), transfers=Transfers(links="chain", transfer=Transfer(share=False))),
        Design(levels=(ROW,), transfers=Transfers(links="chain", transfer=Transfer(share=True))),
        PAIR,
    ),
}


@pytest.mark.parametrize(("design", "equal", "schema"), EQUAL.values(), ids=EQUAL)
def test_what_is_equal_by_structure_has_one_key(design: Design, equal: Design, schema: Schema) -> None:
    first, second = compose(design, schema), compose(equal, schema)
    assert first.key == second.key
    assert (first.parameters, first.macs) == (second.parameters, second.macs)


@pytest.mark.parametrize(("design", "equal", "schema"), EQUAL.values(), ids=EQUAL)
def test_what_has_one_key_computes_the_same(design: Design, equal: Design, schema: Schema) -> None:
    """In numpy, which the model agrees with: weights go from each node to its image."""
    first, second = compose(design, schema), compose(equal, schema)
    dice = np.random.default_rng(3)
    weights, features = random_weights(first, dice), random_features(first, 3, dice)
    image = matcher(second.to_networkx(), first.to_networkx())
    assert image.is_isomorphic()
    carried = {name: weight for name, weight in weights.items() if name.startswith("shared/")}
    for node in second.nodes:
        origin = first.node(image.mapping[node.name])
        for name, weight in weights.items():
            owner, _, word = name.rpartition("/")
            if owner == origin.name:
                rows = isinstance(node.block, Gate) and (word[-1] == str(len(node.block.hidden)) or word == "shares")
                carried[f"{node.name}/{word}"] = weight[order(node, origin, image.mapping)] if rows else weight
    values, others = (outputs(graph, held, features) for graph, held in ((first, weights), (second, carried)))
    assert {image.mapping[name] for name in others} == set(values)
    for name, value in others.items():
        np.testing.assert_allclose(value, values[image.mapping[name]], rtol=1e-12, atol=1e-12)


def order(node: Node, origin: Node, image: dict[str, str]) -> list[int]:
    """Which row of the gate it comes from each expert has."""
    first = node.input_roles.index("expert")
    return [origin.inputs[first:].index(image[expert]) for expert in node.inputs[first:]]
