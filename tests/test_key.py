"""The canonical key: the same for graphs that are equal by structure, different for all others."""

import os
import random
import subprocess
import sys
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from networkx.algorithms.isomorphism import MultiDiGraphMatcher
from numpy_reference import outputs, random_features, random_weights, schema_of
from slowly import slow

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.architecture.key import canonical_key
from mtl_nas.blocks import Expert, Gate, Layers, Tower, Transfer
from mtl_nas.composition import compose
from mtl_nas.data.schema import Schema
from mtl_nas.design import (
    Critics,
    Design,
    Gating,
    Histories,
    Inputs,
    Level,
    Losses,
    Routing,
    Stitching,
    Transfers,
    Weighing,
)
from mtl_nas.hand_designs import PRESETS, preset

Graph = nx.MultiDiGraph
ONE, PAIR, FUNNEL = schema_of("click"), schema_of("click", "buy"), schema_of("click", "buy<click", "pay<buy")
FIT_ALL = schema_of("click@use", "buy<click@money", "pay<buy@money", categories=(4,), histories=((5, 3),))


def graph(edges: list[tuple[Any, Any]] | list[tuple[Any, Any, str]], labels: dict[Any, Any] | None = None) -> Graph:
    """Nodes get a label each, edges the role ``x`` or the one given."""
    found: Graph = nx.MultiDiGraph()
    labels = labels or {}
    for name in sorted({*labels, *(end for edge in edges for end in edge[:2])}, key=str):
        found.add_node(name, block=labels.get(name, "node"), heads=[])
    for source, target, *role in edges:
        found.add_edge(source, target, role=role[0] if role else "x")
    return found


def shuffled(original: Graph, seed: int) -> Graph:
    """The same graph under other names, nodes and edges in another order."""
    dice = random.Random(seed)
    nodes, edges = list(original.nodes(data=True)), list(original.edges(data=True))
    dice.shuffle(nodes)
    dice.shuffle(edges)
    names = {name: f"{dice.random()}" for name, _ in nodes}
    found: Graph = nx.MultiDiGraph()
    found.add_nodes_from((names[name], data) for name, data in nodes)
    found.add_edges_from((names[source], names[target], data) for source, target, data in edges)
    return found


def isomorphic(one: Graph, two: Graph) -> bool:
    return bool(matcher(one, two).is_isomorphic())


def matcher(one: Graph, two: Graph) -> MultiDiGraphMatcher:
    """VF2, with the multiset of roles between two nodes (networkx's own matcher compares sets)."""

    def same_node(a: dict[str, Any], b: dict[str, Any]) -> bool:
        return a == b

    def same_edges(a: dict[int, dict[str, str]], b: dict[int, dict[str, str]]) -> bool:
        return Counter(edge["role"] for edge in a.values()) == Counter(edge["role"] for edge in b.values())

    return MultiDiGraphMatcher(one, two, same_node, same_edges)


# (i) names and the order of what is exchangeable


@given(seed=st.integers(0, 10**6), name=st.sampled_from(tuple(PRESETS)))
def test_names_and_order_play_no_part(seed: int, name: str) -> None:
    view = compose(preset(name, FIT_ALL), FIT_ALL).to_networkx()
    assert canonical_key(shuffled(view, seed)) == canonical_key(view)


@given(order=st.permutations(range(5)), renamed=st.booleans())
def test_experts_of_a_group_are_exchangeable(order: list[int], renamed: bool) -> None:
    original = compose(Design(levels=(Level(shared=3, specific={"click": 2}),)), PAIR)
    experts = [node for node in original.nodes if isinstance(node.block, Expert)]
    others = [node for node in original.nodes if not isinstance(node.block, Expert)]
    moved = [experts[place] for place in order]
    names = {node.name: f"e{place}" if renamed else node.name for place, node in enumerate(moved)}

    def read(node: Node) -> Node:
        inputs = tuple(names.get(name, name) for name in node.inputs)
        if isinstance(node.block, Gate):
            inputs = (inputs[0], *reversed(inputs[1:]))
        return Node(name=names.get(node.name, node.name), block=node.block, inputs=inputs)

    nodes = map(read, (others[0], *moved, *others[1:]))
    assert Architecture(nodes=tuple(nodes), heads=original.heads).key == original.key


def test_the_order_of_heads_plays_no_part() -> None:
    original = compose(preset("esmm", FUNNEL), FUNNEL)
    assert Architecture(nodes=original.nodes, heads=original.heads[::-1]).key == original.key


# (ii) every single change


def changed(original: Graph) -> list[Graph]:
    """All graphs one step away: an option, a head, a role, an edge gone, doubled, turned, moved to its neighbour."""
    found = []
    for name, data in original.nodes(data=True):
        for option, value in data["block"].items():
            other = original.copy()
            other.nodes[name]["block"] = {**data["block"], option: [value, "changed"]}
            found.append(other)
        other = original.copy()
        other.nodes[name]["heads"] = [*data["heads"], ("new", "binary", "")]
        found.append(other)
        other = original.copy()
        other.nodes[name]["tied"] = "" if data["tied"] else "new"
        found.append(other)
    for source, target, index, data in original.edges(keys=True, data=True):
        role, gone, twice, turned = (original.copy() for _ in range(4))
        role.edges[source, target, index]["role"] = "changed"
        for other in (gone, turned):
            other.remove_edge(source, target, index)
        twice.add_edge(source, target, role=data["role"])
        turned.add_edge(target, source, role=data["role"])
        found += [role, gone, twice, turned]
    return found


@pytest.mark.parametrize("name", ["mmoe", "aitm", *(slow(name) for name in ("ple", "esmm", "metaheac", "stem", "snr"))])
def test_any_single_change_is_another_key(name: str) -> None:
    few: dict[str, Any] = {"experts": 2}
    sizes = {"mmoe": few, "metaheac": {**few, "critics": 2}, "snr": few}.get(name, {})
    view = compose(preset(name, FUNNEL, **sizes), FUNNEL).to_networkx()
    key = canonical_key(view)
    assert all(canonical_key(other) != key for other in changed(view))


def test_exchanging_two_tasks_is_another_key() -> None:
    original = compose(Design(levels=(Level(shared=1, specific={"click": 1}),)), PAIR)
    turn = {"click": "buy", "buy": "click"}
    heads = tuple(Head(task=turn[head.task], node=head.node, kind=head.kind) for head in original.heads)
    assert Architecture(nodes=original.nodes, heads=heads).key != original.key


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
    "critics under free gates": Design(critics=Critics(count=2, gate=Weighing(query="fields", hidden=(64,)))),
    "critics that ask states": Design(critics=Critics(count=2, gate=Weighing(query="state"))),
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
        *((word, asked) for word in ("softmax", "sigmoid") for asked in ("none", "features")),
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
    first, renamed, other, one = (compose(preset("home", schema), schema).key for schema in schemas)
    assert first == renamed
    assert len({first, other, one}) == 3


# (iii) what plain Weisfeiler-Lehman hashing confuses


def test_direction_is_seen() -> None:
    labels = {"e": "expert", "g": "gate"}
    assert canonical_key(graph([("e", "g")], labels)) != canonical_key(graph([("g", "e")], labels))
    assert canonical_key(graph([(0, 1), (1, 2)])) != canonical_key(graph([(0, 1), (2, 1)]))
    assert canonical_key(graph([(0, 1), (2, 1)])) != canonical_key(graph([(1, 0), (1, 2)]))


def test_two_squares_are_no_octagon() -> None:
    """Four experts and four gates, two edges each, no labels beyond their kind."""
    kinds = {**{f"e{i}": "expert" for i in range(4)}, **{f"g{i}": "gate" for i in range(4)}}
    squares = graph([(f"e{i}", f"g{j}") for i in range(4) for j in range(4) if i // 2 == j // 2], kinds)
    octagon = graph([(f"e{i}", f"g{j}") for i in range(4) for j in (i, (i + 1) % 4)], kinds)
    plain = [nx.weisfeiler_lehman_graph_hash(nx.Graph(view), node_attr="block") for view in (squares, octagon)]
    assert plain[0] == plain[1]
    assert canonical_key(squares) != canonical_key(octagon)
    assert canonical_key(shuffled(octagon, 1)) == canonical_key(octagon)
    assert canonical_key(shuffled(squares, 1)) == canonical_key(squares)


def test_a_class_whose_members_are_not_alike_has_one_key() -> None:
    """Two squares beside an octagon: refinement sees eight equal experts, but only four of them lie in a square."""
    squares = [(f"e{i}", f"g{j}") for i in range(4) for j in range(4) if i // 2 == j // 2]
    octagon = [(f"f{i}", f"h{j}") for i in range(4) for j in (i, (i + 1) % 4)]
    view = graph(squares + octagon)
    assert len({canonical_key(shuffled(view, seed)) for seed in range(5)}) == 1


def test_labels_do_not_run_together() -> None:
    def pair(one: str, two: str) -> Graph:
        return graph([("a", "b", one), ("a", "c", two)], {"a": one, "b": two, "c": f"{one},{two}"})

    assert canonical_key(pair("mlp1", "28")) != canonical_key(pair("mlp12", "8"))
    assert canonical_key(graph([], {"a": ["x", "y"]})) != canonical_key(graph([], {"a": ["x, y"]}))
    assert canonical_key(graph([], {"a": 1})) != canonical_key(graph([], {"a": "1"}))


def test_the_number_of_parallel_edges_is_seen() -> None:
    one, two = graph([(0, 1, "a"), (0, 1, "a"), (0, 1, "b")]), graph([(0, 1, "a"), (0, 1, "b"), (0, 1, "b")])
    assert canonical_key(one) != canonical_key(two)
    assert canonical_key(graph([(0, 1)])) != canonical_key(graph([(0, 1), (0, 1)]))


def test_an_empty_graph_has_a_key() -> None:
    assert canonical_key(nx.MultiDiGraph()) != canonical_key(graph([], {"a": "node"}))


# (iv) designs that are the same by structure

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
        Design(levels=(Level(shared=2, mixing=Gating(tied=True)),), critics=Critics(gate=Weighing(query="state"))),
        Design(levels=(Level(shared=2),), critics=Critics(gate=Weighing(query="state", tied=True))),
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
        Design(critics=Critics(count=1, gate=Weighing(kind="sigmoid"))),
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


@pytest.mark.parametrize(("one", "two", "schema"), EQUAL.values(), ids=EQUAL)
def test_what_is_equal_by_structure_has_one_key(one: Design, two: Design, schema: Schema) -> None:
    first, second = compose(one, schema), compose(two, schema)
    assert first.key == second.key
    assert (first.parameters, first.operations) == (second.parameters, second.operations)


@pytest.mark.parametrize(("one", "two", "schema"), EQUAL.values(), ids=EQUAL)
def test_what_has_one_key_computes_the_same(one: Design, two: Design, schema: Schema) -> None:
    """In numpy, which the model agrees with: weights go from each node to its image."""
    first, second = compose(one, schema), compose(two, schema)
    dice = np.random.default_rng(3)
    weights, features = random_weights(first, dice), random_features(first, 3, dice)
    image = matcher(second.to_networkx(), first.to_networkx())
    assert image.is_isomorphic()
    carried = {name: weight for name, weight in weights.items() if name.startswith("shared/")}
    for node in second.nodes:
        origin = first.node(image.mapping[node.name])
        for name, weight in weights.items():
            place, _, word = name.rpartition("/")
            if place == origin.name:
                rows = isinstance(node.block, Gate) and (word[-1] == str(len(node.block.hidden)) or word == "shares")
                carried[f"{node.name}/{word}"] = weight[order(node, origin, image.mapping)] if rows else weight
    values, others = (outputs(graph, held, features) for graph, held in ((first, weights), (second, carried)))
    assert {image.mapping[name] for name in others} == set(values)
    for name, value in others.items():
        np.testing.assert_allclose(value, values[image.mapping[name]], rtol=1e-12, atol=1e-12)


def order(node: Node, origin: Node, image: dict[str, str]) -> list[int]:
    """Which row of the gate it comes from each expert has."""
    first = node.roles.index("expert")
    return [origin.inputs[first:].index(image[expert]) for expert in node.inputs[first:]]


# (v) any name


def test_tasks_and_columns_of_any_alphabet_have_keys() -> None:
    schema = schema_of("点击", "achat<点击", "größe~")
    other = schema_of("点擊", "achat<点擊", "größe~")
    key = compose(preset("ple", schema), schema).key
    assert key == compose(preset("ple", schema), schema).key
    assert key != compose(preset("ple", other), other).key
    assert canonical_key(graph([], {"é": "é"})) != canonical_key(graph([], {"e": "e"}))


# (vi) stable across processes and versions

GOLDEN = {
    "chain": (graph([(0, 1), (1, 2)]), "a1:0ea5efb601e254e1d93cce2899cf7b2c"),
    "kinds": (
        graph([("e", "g", "expert"), ("x", "g", "query")], {"e": {"block": "expert"}, "g": "gate"}),
        "a1:56e4dc6e83dcd3eac35cd873847da388",
    ),
    "octagon": (graph([(i, 4 + j) for i in range(4) for j in (i, (i + 1) % 4)]), "a1:76afae1cfafc7b458bc6135936d0bbfa"),
    "exchangeable pairs": (
        graph([edge for i in range(4) for edge in (("x", f"g{i}"), (f"g{i}", f"e{i}"), (f"e{i}", "y"))]),
        "a1:cb7cb6a86df03fed615644c9acebcbb5",
    ),
    "tripled": (graph([(0, 1, "a"), (0, 1, "a"), (0, 1, "ß")], {2: "alone"}), "a1:4c53399d40a79f436ea40e35c9f4c958"),
}
PROGRAM = """
from numpy_reference import schema_of
from mtl_nas.composition import compose
from mtl_nas.hand_designs import PRESETS, preset
schema = schema_of("click@use", "buy<click@money", "pay<buy@money", categories=(4,), histories=((5, 3),))
print(*(compose(preset(name, schema), schema).key for name in PRESETS))
"""


@pytest.mark.parametrize("name", GOLDEN)
def test_keys_of_this_version_never_change(name: str) -> None:
    """A stored key must stay readable: a change of the algorithm is a new prefix, not a new literal here."""
    view, key = GOLDEN[name]
    assert canonical_key(view) == key


@pytest.mark.slow
def test_keys_do_not_depend_on_the_process() -> None:
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [compose(preset(name, FIT_ALL), FIT_ALL).key for name in PRESETS]


# (vii) the key decides isomorphism


@st.composite
def small_graphs(draw: st.DrawFn, acyclic: bool) -> Graph:
    count = draw(st.integers(1, 5))
    labels = {place: draw(st.sampled_from("ab")) for place in range(count)}
    pairs = [(i, j) for i in range(count) for j in range(count) if (i < j if acyclic else i != j)]
    edge = st.tuples(st.sampled_from(pairs), st.sampled_from("xy")) if pairs else st.nothing()
    edges = draw(st.lists(edge, max_size=7)) if pairs else []
    return graph([(source, target, role) for (source, target), role in edges], labels)


@given(one=small_graphs(acyclic=True), two=small_graphs(acyclic=True), seed=st.integers(0, 10**6))
def test_equal_keys_are_isomorphic_graphs(one: Graph, two: Graph, seed: int) -> None:
    assert (canonical_key(one) == canonical_key(two)) == isomorphic(one, two)
    assert canonical_key(shuffled(one, seed)) == canonical_key(one)


@given(one=small_graphs(acyclic=False), seed=st.integers(0, 10**6))
def test_a_change_is_seen_unless_it_is_a_symmetry(one: Graph, seed: int) -> None:
    """Cycles too: the algorithm does not count on their absence."""
    dice = random.Random(seed)
    other = shuffled(one, seed)
    edges = list(other.edges(keys=True))
    if edges:
        source, target, index = dice.choice(edges)
        role = other.edges[source, target, index]["role"]
        other.remove_edge(source, target, index)
        other.add_edge(*dice.sample(list(other.nodes), 2), role=role)
    assert (canonical_key(one) == canonical_key(other)) == isomorphic(one, other)


def test_all_bipartite_graphs_of_three_and_three_are_told_apart() -> None:
    """Every way in which three unlabelled gates can see three unlabelled experts: 512 graphs, 36 different ones."""
    keys = set()
    for pattern in range(2**9):
        edges = [(f"e{cell // 3}", f"g{cell % 3}") for cell in range(9) if pattern >> cell & 1]
        keys.add(
            canonical_key(
                graph(edges, {**dict.fromkeys(("e0", "e1", "e2"), "e"), **dict.fromkeys(("g0", "g1", "g2"), "g")})
            )
        )
    assert len(keys) == 36


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ple", {"levels": 3, "shared": 8, "specific": 8}),
        ("ple", {"levels": 3, "shared": 64, "specific": 8}),
        ("mlmmoe", {"levels": 3, "experts": 12}),
        ("snr", {"levels": 3, "experts": 12}),
        ("stem", {"shared": 4, "specific": 8}),
        ("adatt", {"levels": 3, "specific": 8}),
        ("metaheac", {"experts": 16, "critics": 16}),
    ],
)
def test_a_key_takes_little_time(name: str, sizes: dict[str, Any]) -> None:
    """Gates that feed an expert each, or experts behind a stop, exchange in pairs: n! orders that spell one graph."""
    view = compose(preset(name, FUNNEL, **sizes), FUNNEL).to_networkx()
    assert canonical_key(shuffled(view, 0)) == canonical_key(view)
