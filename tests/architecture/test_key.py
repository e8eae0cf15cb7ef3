"""The canonical key: the same for graphs that are equal by structure, different for all others."""

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from isomorphism import isomorphic
from numpy_reference import schema_of
from slowly import slow

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.architecture.key import canonical_key
from mtl_nas.blocks import Expert, Gate
from mtl_nas.composition import compose
from mtl_nas.design import Design, Level
from mtl_nas.presets import PRESETS, preset

Graph = nx.MultiDiGraph
PAIR, FUNNEL = schema_of("click", "buy"), schema_of("click", "buy<click", "pay<buy")
FIT_ALL = schema_of("click@use", "buy<click@money", "pay<buy@money", categories=(4,), histories=((5, 3),))


def graph(edges: list[tuple[Any, Any]] | list[tuple[Any, Any, str]], labels: dict[Any, Any] | None = None) -> Graph:
    """Nodes get a label each, edges the role ``x`` or the one given."""
    result: Graph = nx.MultiDiGraph()
    labels = labels or {}
    for name in sorted({*labels, *(end for edge in edges for end in edge[:2])}, key=str):
        result.add_node(name, block=labels.get(name, "node"), heads=[])
    for source, target, *role in edges:
        result.add_edge(source, target, role=role[0] if role else "x")
    return result


def shuffled(original: Graph, seed: int) -> Graph:
    """The same graph under other names, nodes and edges in another order."""
    dice = random.Random(seed)
    nodes, edges = list(original.nodes(data=True)), list(original.edges(data=True))
    dice.shuffle(nodes)
    dice.shuffle(edges)
    names = {name: f"{dice.random()}" for name, _ in nodes}
    result: Graph = nx.MultiDiGraph()
    result.add_nodes_from((names[name], data) for name, data in nodes)
    result.add_edges_from((names[source], names[target], data) for source, target, data in edges)
    return result


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
    moved = [experts[index] for index in order]
    names = {node.name: f"e{index}" if renamed else node.name for index, node in enumerate(moved)}

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
    result = []
    for name, data in original.nodes(data=True):
        for option, value in data["block"].items():
            other = original.copy()
            other.nodes[name]["block"] = {**data["block"], option: [value, "changed"]}
            result.append(other)
        other = original.copy()
        other.nodes[name]["heads"] = [*data["heads"], ("new", "binary", "")]
        result.append(other)
        other = original.copy()
        other.nodes[name]["tied"] = "" if data["tied"] else "new"
        result.append(other)
    for source, target, index, data in original.edges(keys=True, data=True):
        role, gone, twice, turned = (original.copy() for _ in range(4))
        role.edges[source, target, index]["role"] = "changed"
        for other in (gone, turned):
            other.remove_edge(source, target, index)
        twice.add_edge(source, target, role=data["role"])
        turned.add_edge(target, source, role=data["role"])
        result += [role, gone, twice, turned]
    return result


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
    first, second = graph([(0, 1, "a"), (0, 1, "a"), (0, 1, "b")]), graph([(0, 1, "a"), (0, 1, "b"), (0, 1, "b")])
    assert canonical_key(first) != canonical_key(second)
    assert canonical_key(graph([(0, 1)])) != canonical_key(graph([(0, 1), (0, 1)]))


def test_an_empty_graph_has_a_key() -> None:
    assert canonical_key(nx.MultiDiGraph()) != canonical_key(graph([], {"a": "node"}))


# (iv) any name


def test_tasks_and_columns_of_any_alphabet_have_keys() -> None:
    schema = schema_of("点击", "achat<点击", "größe~")
    other = schema_of("点擊", "achat<点擊", "größe~")
    key = compose(preset("ple", schema), schema).key
    assert key == compose(preset("ple", schema), schema).key
    assert key != compose(preset("ple", other), other).key
    assert canonical_key(graph([], {"é": "é"})) != canonical_key(graph([], {"e": "e"}))


# (v) stable across processes and versions

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
from mtl_nas.presets import PRESETS, preset
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
    helpers = Path(__file__).parents[1] / "helpers"
    paths = os.pathsep.join([str(helpers), str(helpers.parents[1])])
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": paths}
    run = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.split() == [compose(preset(name, FIT_ALL), FIT_ALL).key for name in PRESETS]


# (vi) the key decides isomorphism


@st.composite
def small_graphs(draw: st.DrawFn, acyclic: bool) -> Graph:
    count = draw(st.integers(1, 5))
    labels = {index: draw(st.sampled_from("ab")) for index in range(count)}
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
