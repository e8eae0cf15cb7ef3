"""Whose loss trains what: tasks that reach a node, a parameter's members, tables, and what meta-learning adapts."""

from typing import Any

import pytest
import torch
from numpy.random import default_rng
from numpy_reference import random_features, schema_of

from mtl_nas.architecture import Architecture
from mtl_nas.blocks import Expert, Transfer
from mtl_nas.composition import compose
from mtl_nas.data import Schema
from mtl_nas.design import Critics, Design, GateOptions, Gating, Inputs, Level, Routing, Stitching, Transfers
from mtl_nas.model import build
from mtl_nas.presets import compatible_presets, preset

THREE = schema_of("click", "buy", "pay")
FIT_ALL = schema_of("click@use", "buy<click@money", "pay<buy@money", categories=(4,), histories=((5, 3),))
EVERY = {"click", "buy", "pay"}
ROW = Level(specific=1, expert=Expert(hidden=(4,)))
DESIGNS: dict[str, tuple[Design, Schema]] = {
    **{name: (design, FIT_ALL) for name, design in compatible_presets(FIT_ALL).designs.items()},
    "a chain that stops gradients": (
        Design(levels=(ROW,), transfers=Transfers(links="chain", transfer=Transfer(stop_gradient=True))),
        THREE,
    ),
    "stopped and tied": (
        Design(levels=(Level(shared=1, specific=1, mixing=Gating(sees="all", stop_gradient=True, tied=True)),) * 2),
        THREE,
    ),
    "critics over transfers": (Design(levels=(ROW,), transfers=Transfers(links="chain"), critics=Critics()), FIT_ALL),
    "stitched tables": (
        Design(inputs=Inputs(tables="task"), levels=(Level(specific=1, mixing=Stitching()),)),
        FIT_ALL,
    ),
    "routes": (Design(levels=(Level(shared=2, specific=1, mixing=Routing()),) * 2), THREE),
}


def composed(name: str) -> Architecture:
    return compose(*DESIGNS[name])


def trained(architecture: Architecture, task: str) -> dict[int, torch.Tensor]:
    """Parameter -> which of its members get a gradient from the task's head, by a random number for each weight."""
    network = build(architecture, seed=1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    network.eval()
    features = random_features(architecture, 64, default_rng(3))
    outputs = network({name: torch.from_numpy(values) for name, values in features.items()})
    head = next(head for head in architecture.heads if head.task == task and head.given is None)
    outputs[head.node].pow(2).sum().backward()
    return {
        index: torch.zeros(len(tensor), dtype=torch.bool) if tensor.grad is None else tensor.grad.flatten(1).any(1)
        for index, (tensor, _) in enumerate(network.reaching())
        if tensor.dim() > 1
    }


# Nodes


def test_states_that_a_stop_hides_train_their_owner_alone() -> None:
    row = Level(shared=1, specific=1, mixing=Gating(sees="all", stop_gradient=True))
    reaching = compose(Design(levels=(row,)), THREE).reaching
    assert reaching["level0/expert/buy/0"] == {"buy"}
    assert reaching["stop/level0/expert/buy/0"] == {"click", "pay"}
    assert reaching["level0/expert/0"] == reaching["embedding"] == EVERY
    free = compose(Design(levels=(Level(shared=1, specific=1, mixing=Gating(sees="all")),)), THREE).reaching
    assert free["level0/expert/buy/0"] == EVERY


def test_tables_of_a_task_are_its_own_where_gradients_stop() -> None:
    reaching = compose(preset("stem", THREE), THREE).reaching
    assert reaching["embedding/pay"] == {"pay"}
    assert reaching["embedding"] == EVERY


@pytest.mark.parametrize(("stop", "tasks"), [(False, EVERY), (True, {"click"})])
def test_a_transfer_can_keep_gradients_from_its_sources(stop: bool, tasks: set[str]) -> None:
    transfers = Transfers(links="chain", transfer=Transfer(stop_gradient=stop))
    reaching = compose(Design(levels=(ROW,), transfers=transfers), THREE).reaching
    assert reaching["level0/expert/click/0"] == tasks
    assert reaching["transfer/buy"] == ({"buy"} if stop else {"buy", "pay"})
    assert reaching["level0/expert/pay/0"] == {"pay"}
    assert reaching["embedding"] == EVERY


def test_a_state_that_is_own_and_source_at_once_is_trained() -> None:
    transfers = Transfers(links="chain", transfer=Transfer(stop_gradient=True))
    assert compose(Design(transfers=transfers), THREE).reaching["embedding"] == EVERY


def test_conditional_heads_train_nothing() -> None:
    schema = schema_of("click", "buy<click")
    reaching = compose(Design(funnel="product"), schema).reaching
    assert reaching["tower/click"] == {"click", "buy"}
    assert reaching["tower/buy"] == {"buy"}


def test_critics_and_task_embeddings_belong_to_their_tasks_by_node() -> None:
    reaching = compose(preset("metaheac", THREE), THREE).reaching
    assert reaching["critic/buy/0"] == reaching["task_embedding/buy"] == {"buy"}
    assert reaching["fields"] == reaching["level0/expert/0"] == EVERY


# Parameters


@pytest.mark.parametrize("name", DESIGNS)
def test_members_of_parameters_are_trained_by_the_tasks_that_reach_them(name: str) -> None:
    """A gradient where, and only where, ``reaching`` says so; a unit that is dead on all rows is no counterexample."""
    architecture = composed(name)
    reaching = [members for tensor, members in build(architecture).reaching() if tensor.dim() > 1]
    for task in architecture.tasks:
        masks = list(trained(architecture, task).values())
        assert len(masks) == len(reaching)
        for members, moved in zip(reaching, masks, strict=True):
            wanted = [task in member for member in members]
            assert not any(moves and not may for moves, may in zip(moved.tolist(), wanted, strict=True))
            assert any(moved.tolist()) or not any(wanted)


@pytest.mark.parametrize("name", DESIGNS)
def test_every_parameter_is_listed_once_with_all_its_members(name: str) -> None:
    network = build(composed(name))
    listed = network.reaching()
    assert {id(tensor) for tensor, _ in listed} == {id(tensor) for tensor in network.parameters()}
    assert len(listed) == len(list(network.parameters()))
    assert all(len(members) == tensor.shape[0] for tensor, members in listed)
    assert all(members for _, tasks in listed for members in tasks)


def test_a_set_that_tasks_share_is_trained_by_all_of_them() -> None:
    network = build(compose(preset("metaheac", THREE, critics=2), THREE))
    stage = next(index for index, stage in enumerate(network.stages) if "critic/buy/0" in stage.stage.nodes)
    (members,) = (
        tasks for tensor, tasks in network.reaching() if tensor is network.stages[stage].get_parameter("weight0")
    )
    assert members == (EVERY, EVERY)  # two critics
    free = build(compose(preset("mmoe", THREE), THREE))
    stage = next(index for index, stage in enumerate(free.stages) if "tower/buy" in stage.stage.nodes)
    (members,) = (tasks for tensor, tasks in free.reaching() if tensor is free.stages[stage].get_parameter("weight0"))
    assert sorted(members, key=sorted) == [{"buy"}, {"click"}, {"pay"}]


def test_maps_of_transfers_are_trained_by_all_that_lie_above_a_link() -> None:
    network = build(compose(Design(levels=(ROW,), transfers=Transfers(links="chain")), THREE))
    (maps,) = network.shared.values()
    tasks_of = {id(tensor): tasks for tensor, tasks in network.reaching()}
    assert {tasks_of[id(tensor)] for tensor in maps.parameters()} == {(frozenset({"buy", "pay"}),)}


# Tables


@pytest.mark.parametrize(
    ("inputs", "columns", "tables"),
    [
        ({}, {}, 1),
        ({}, {"histories": ((5, 3), (4,))}, 3),
        ({"tables": "task"}, {"histories": ((5,),)}, 3 * 2),
        ({"numbers": "standard"}, {"categories": (4,)}, 1),
    ],
)
def test_tables_are_those_of_columns_and_histories(inputs: Any, columns: Any, tables: int) -> None:
    schema = schema_of("click", "buy", "pay", **columns)
    architecture = compose(Design(inputs=Inputs(**inputs), levels=(ROW,)), schema)
    embeddings = build(architecture).tables()
    kinds = [node.block for node in architecture.nodes if node.block.block in ("embedding", "sequence")]
    rows = sum(block.table_rows if block.block == "embedding" else sum(block.sizes) for block in kinds)
    assert sum(tensor.numel() for tensor in embeddings) == rows * 8
    assert sum(tensor.shape[0] for tensor in embeddings) == tables


# What meta-learning adapts


def test_a_scope_names_the_parameters_of_its_nodes() -> None:
    network = build(compose(preset("metaheac", THREE, critics=2, experts=3), THREE))
    every = [name for name, _ in network.named_parameters()]
    assert network.parameters_of("all") == every
    named = dict(network.named_parameters())
    vectors, critics = (network.parameters_of(scope) for scope in ("task_embedding", "critics"))
    assert [tuple(named[name].shape) for name in vectors] == [(3, 8)]
    shapes = sorted(tuple(named[name].shape) for name in critics)
    wide = 8 + 8  # the mean of the fields and the task's embedding
    two_critics, their_gate = [(2, 1, 64), (2, 1)], [(1, 64, wide), (1, 64), (1, 2, 64), (1, 2)]
    assert shapes == sorted(two_critics + their_gate)
    assert not set(vectors) & set(critics)


@pytest.mark.parametrize("scope", ["task_embedding", "critics"])
def test_a_network_without_such_nodes_has_none_of_their_parameters(scope: str) -> None:
    assert build(compose(preset("ple", THREE), THREE)).parameters_of(scope) == []


@pytest.mark.parametrize("name", ["metaheac", "critics over transfers"])
def test_parameters_of_critics_are_used_by_nothing_else(name: str) -> None:
    network = build(composed(name))
    chosen = set(network.parameters_of("critics"))
    for index, stage in enumerate(network.stages):
        owned = {f"stages.{index}.{word}" for word, _ in network.stages[index].named_parameters()}
        critical = [node.startswith("critic") for node in stage.stage.nodes]
        assert all(critical) or not any(critical)
        assert owned & chosen == (owned if all(critical) else set())


def test_a_critic_s_gate_that_is_not_tied_is_adapted_with_the_critics() -> None:
    design = Design(critics=Critics(count=2, gate=GateOptions(query="state")))
    network = build(compose(design, THREE))
    named = dict(network.named_parameters())
    shapes = sorted(tuple(named[name].shape) for name in network.parameters_of("critics"))
    assert shapes == sorted([(2, 1, 40), (2, 1), (3, 2, 40)])
