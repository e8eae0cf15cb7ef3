"""Which nodes run together, and that grouping changes nothing but speed."""

import pytest
import torch
from numpy_reference import schema_of

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import Embedding, Expert, Tower, Transfer
from mtl_nas.composition import compose
from mtl_nas.design import (
    Critics,
    Design,
    GateOptions,
    Gating,
    Histories,
    Inputs,
    Level,
    Routing,
    Stitching,
    Transfers,
)
from mtl_nas.errors import ArchitectureError, ExportError
from mtl_nas.model import build
from mtl_nas.model.grouping import stages_of
from mtl_nas.presets import compatible_presets, preset

SCHEMA = schema_of("click@use", "buy<click@use", "stars*3", categories=(3, 4), histories=((4, 5),))
ROW = {"shared": 2, "specific": 1, "expert": Expert(hidden=(4,))}
DESIGNS = {
    "a gate an expert, all tied": Design(
        levels=(Level(**ROW, mixing=Gating(placement="expert", query="features", tied=True)),) * 2
    ),
    "own experts added": Design(levels=(Level(**ROW, mixing=Gating(sees="all", residual="gate", tied=True)),) * 2),
    "some of the experts": Design(levels=(Level(**ROW, mixing=Gating(kind="top_k", top=1, sees="all")),)),
    "experts of families": Design(levels=(Level(**{**ROW, "family": 2}, mixing=Gating(placement="family")),) * 2),
    "stitched, then routed": Design(
        levels=(Level(specific=1, mixing=Stitching(channelwise=True)), Level(**ROW, mixing=Routing(transform=False)))
    ),
    "stopped, asked by fields, tables of each task": Design(
        inputs=Inputs(tables="task"),
        levels=(Level(**ROW, mixing=Gating(sees="all", stop_gradient=True, query="fields")),),
    ),
    "numbers weighed once for all rows": Design(
        levels=(Level(**ROW, mixing=Gating(kind="static", tied=True, residual="linear")),)
    ),
    "crossed and gated features": Design(
        levels=(Level(shared=2, expert=Expert(hidden=(), cross=2, feature_gate=3), mixing=Gating(query="joint")),)
    ),
    "histories by a gru": Design(inputs=Inputs(histories=Histories(kind="gru", hidden=6, attention="sigmoid"))),
    "critics over transfers": Design(
        levels=(Level(specific=1, expert=Expert(hidden=(4,))),),
        transfers=Transfers(links="chain", transfer=Transfer(share=False)),
        critics=Critics(count=3, gate=GateOptions(query="state", tied=True, hidden=(3,))),
    ),
}
GRAPHS = {name: compose(design, SCHEMA) for name, design in (compatible_presets(SCHEMA).designs | DESIGNS).items()}


def inputs(rows: int) -> dict[str, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return {
        "ids": torch.randint(0, 3, (rows, 7), generator=random),
        "sequence/h0": torch.randint(0, 4, (rows, 2, 4), generator=random),
    }


@pytest.mark.parametrize("name", GRAPHS)
def test_every_node_runs_once_after_what_it_reads(name):
    graph, done = GRAPHS[name], set()
    for stage in stages_of(graph):
        assert set(stage.sources) <= done
        assert {source for reads in stage.inputs for source in reads} == set(stage.sources)
        done |= set(stage.nodes)
    assert len(done) == sum(len(stage.nodes) for stage in stages_of(graph)) == len(graph.nodes)


@pytest.mark.parametrize("name", GRAPHS)
def test_members_of_a_stage_share_block_and_widths(name):
    graph = GRAPHS[name]
    for stage in stages_of(graph):
        for index, member in enumerate(stage.nodes):
            node = graph.node(member)
            assert node.block == stage.block
            assert node.inputs == stage.inputs[index]
            assert graph.input_widths(node) == stage.widths
            assert graph.widths[member] == stage.units


def test_experts_of_a_level_are_one_stage():
    stages = stages_of(GRAPHS["mmoe"])
    sizes = {
        type(stage.block).__name__: [len(other.nodes) for other in stages if type(other.block) is type(stage.block)]
        for stage in stages
    }
    assert sizes["Expert"] == [4]
    assert sizes["Gate"] == [3]
    assert sorted(sizes["Tower"]) == [1, 2]  # three classes need another tower than one logit


def test_columns_and_runs_follow_the_members():
    graph = compose(preset("cgc", SCHEMA, shared=2, specific=1), SCHEMA)
    experts = next(stage for stage in stages_of(graph) if type(stage.block).__name__ == "Expert")
    assert experts.runs(0) == (("features", 5),)
    assert experts.column(0) == ("features",) * 5
    apart = compose(preset("single_task", SCHEMA), SCHEMA)
    experts = next(stage for stage in stages_of(apart) if type(stage.block).__name__ == "Expert")
    assert [count for _, count in experts.runs(0)] == [1, 1, 1]


@pytest.mark.parametrize("name", GRAPHS)
def test_nodes_that_share_weights_are_one_stage(name):
    graph = GRAPHS[name]
    labels = {node.tied for node in graph.nodes if node.tied}
    for label in labels:
        users = {node.name for node in graph.nodes if node.tied == label}
        (stage,) = (stage for stage in stages_of(graph) if f"shared/{label}" in stage.sets)
        assert users <= set(stage.nodes)
        assert stage.tied
        indices = {use for node, use in zip(stage.nodes, stage.uses, strict=True) if node in users}
        assert indices == {stage.sets.index(f"shared/{label}")}
    for stage in stages_of(graph):
        assert len(stage.uses) == len(stage.nodes)
        assert set(stage.uses) == set(range(len(stage.sets)))
        assert stage.tied == any(graph.node(node).tied for node in stage.nodes)


def test_critics_wait_for_the_last_task_of_a_chain():
    """A task's state lies a link deeper than that of the task before; one kernel still computes all its critics."""
    schema = schema_of("click", "buy", "pay", "refund")
    level = Level(specific=1, expert=Expert(hidden=(4,)))
    gate = GateOptions(query="state", tied=True)
    design = Design(levels=(level,), transfers=Transfers(links="chain"), critics=Critics(count=2, gate=gate))
    stages = [stage.nodes for stage in stages_of(compose(design, schema))]
    chain = [(f"transfer/{task}",) for task in ("buy", "pay", "refund")]
    critics = tuple(f"critic/{task}/{index}" for task in schema.task_names for index in (0, 1))
    gates = tuple(f"critics/gate/{task}" for task in schema.task_names)
    assert stages[2:5] == chain
    assert set(stages[5]) == set(critics)
    assert set(stages[6]) == set(gates)
    assert len(stages) == 7


def test_what_waits_holds_up_what_reads_it():
    """Two labels, one above the other, each over states of two depths."""
    table = Node(name="in", block=Embedding(numbers=("age", "price"), encoding="standard"))
    same = Expert(hidden=(2,))
    rows = [
        *(("deep", same, "in", ""), ("low a", same, "in", "low"), ("low b", same, "deep", "low")),
        *(("high a", same, "low a", "high"), ("middle", same, "low b", ""), ("high b", same, "middle", "high")),
        *(("out a", Tower(), "high a", ""), ("out b", Tower(), "high b", "")),
    ]
    nodes = tuple(Node(name=name, block=block, inputs=(read,), tied=tied) for name, block, read, tied in rows)
    heads = tuple(Head(task=task, node=f"out {task}", kind="binary") for task in "ab")
    stages = [stage.nodes for stage in stages_of(Architecture(nodes=(table, *nodes), heads=heads))]
    assert stages == [("in",), ("deep",), ("low a", "low b"), ("middle",), ("high a", "high b"), ("out a", "out b")]


def test_nodes_that_share_weights_cannot_feed_each_other():
    table = Node(name="in", block=Embedding(numbers=("age", "price"), encoding="standard"))
    twice = tuple(
        Node(name=name, block=Expert(hidden=(2,)), inputs=(read,), tied="one")
        for name, read in (("a", "in"), ("b", "a"))
    )
    out = Node(name="out", block=Tower(), inputs=("b",))
    graph = Architecture(nodes=(table, *twice, out), heads=(Head(task="click", node="out", kind="binary"),))
    with pytest.raises(ArchitectureError) as problem:
        stages_of(graph)
    assert str(problem.value) == "nodes that share weights cannot feed each other"


def renamed(graph: Architecture) -> Architecture:
    """The same graph with nodes of one generation in the opposite order."""
    depth: dict[str, int] = {}
    for node in graph.nodes:
        depth[node.name] = 1 + max((depth[name] for name in node.inputs), default=0)
    nodes = sorted(reversed(graph.nodes), key=lambda node: depth[node.name])
    return Architecture(nodes=tuple(nodes), heads=tuple(reversed(graph.heads)))


@pytest.mark.parametrize("name", GRAPHS)
def test_weights_go_by_node_so_that_the_order_of_nodes_does_not_matter(name):
    graph, other = GRAPHS[name], renamed(GRAPHS[name])
    assert graph.key == other.key
    first, second = build(graph, seed=1).eval(), build(other, seed=2).eval()  # routes are drawn at random in training
    second.set_weights(first.weights())
    actual, again = first(inputs(9)), second(inputs(9))
    for head in graph.heads:
        torch.testing.assert_close(actual[head.node], again[head.node], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_parameter_belongs_to_a_node_and_is_counted(name):
    graph = GRAPHS[name]
    network = build(graph)
    assert sum(tensor.numel() for tensor in network.parameters()) == graph.parameters
    weights = network.weights()
    assert sum(tensor.numel() for name, tensor in weights.items() if "running_" not in name) == graph.parameters
    owners = {f"shared/{node.tied}" if node.tied else node.name for node in graph.nodes}
    assert all(key.rpartition("/")[0] in owners or key.startswith("shared/transfer") for key in weights)


def test_weights_that_do_not_fit_are_named():
    network = build(GRAPHS["mmoe"])
    weights = network.weights()
    short = {name: tensor for name, tensor in weights.items() if name != "tower/buy/bias0"}
    with pytest.raises(
        ExportError, match="weight 'tower/buy/bias0' is missing; the weights are of another architecture"
    ):
        network.set_weights(short)
    with pytest.raises(ExportError, match="weight 'tower/bye/bias0' belongs to no node of this architecture"):
        network.set_weights({**weights, "tower/bye/bias0": torch.zeros(1)})
    with pytest.raises(
        ExportError, match=r"weight 'tower/buy/bias0' has shape \(7,\), this architecture needs \(64,\)"
    ):
        network.set_weights({**weights, "tower/buy/bias0": torch.zeros(7)})


def test_equal_seeds_draw_equal_weights():
    first, other, third = (build(GRAPHS["ple"], seed=seed).weights() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], other[name]) for name in first)
    assert any(not torch.equal(first[name], third[name]) for name in first)


@pytest.mark.parametrize("name", GRAPHS)
def test_no_row_is_a_batch_too(name):
    network = build(GRAPHS[name]).eval()
    assert all(output.shape[0] == 0 for output in network(inputs(0)).values())
