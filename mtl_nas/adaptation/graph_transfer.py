"""The graph of a new task: what an old task's head reads, with a head of its own."""

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import Thresholds, Tower
from mtl_nas.data.schema import Task
from mtl_nas.errors import DesignError


class Growth(NamedTuple):
    """The graph, for each node the old one whose place it takes, and the nodes that several tasks trained."""

    architecture: Architecture
    origins: Mapping[str, str]
    shared: frozenset[str]


def growth(architecture: Architecture, like: str, task: Task) -> Growth:
    """A graph that predicts the new task from what the head of ``like`` reads.

    Nodes that several tasks trained keep their names and weights; those of ``like`` alone are its own now.
    """
    top = _top(architecture, like)
    needed = {top}
    for node in reversed(architecture.nodes):
        if node.name in needed:
            needed.update(node.inputs)
    nodes = [node for node in architecture.nodes if node.name in needed]
    several = len(architecture.tasks) > 1
    shared = {
        node.name for node in nodes if len(architecture.reaching[node.name]) > 1 or (not several and node.name != top)
    }
    names = {node.name: node.name if node.name in shared else _renamed(node.name, like, task.name) for node in nodes}
    grown = [
        node.model_copy(update={"name": names[node.name], "inputs": tuple(names[name] for name in node.inputs)})
        for node in nodes
    ]
    head = names[top]
    outputs = 1 if task.rules.is_cumulative else task.outputs
    last = grown[-1]
    if isinstance(last.block, Tower) and last.block.outputs != outputs:
        grown[-1] = last.model_copy(update={"block": last.block.model_copy(update={"outputs": outputs})})
    elif architecture.widths[top] != outputs:
        raise DesignError(
            f"critics of '{like}' give {architecture.widths[top]} numbers, '{task.name}' needs {outputs}; "
            "name a task of the same kind with like"
        )
    if task.rules.is_cumulative:
        head = f"thresholds/{task.name}"
        grown.append(Node(name=head, block=Thresholds(outputs=task.outputs), inputs=(names[top],)))
    own_sets = _alone(grown)
    result = Architecture(nodes=own_sets, heads=(Head(task=task.name, node=head, kind=task.kind),))
    origins = {names[node.name]: node.name for node in nodes}
    return Growth(result, origins, frozenset(names[name] for name in shared))


def carried(
    growth: Growth, old: Architecture, weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """The old weights where they fit the new graph, the fresh ones elsewhere."""
    found = dict(fresh)
    tied = {node.name: node.tied for node in old.nodes}
    for node in growth.architecture.nodes:
        origin = growth.origins.get(node.name)
        if origin is None:
            continue
        place = f"shared/{node.tied}" if node.tied else node.name
        before = f"shared/{tied[origin]}" if tied[origin] else origin
        for name in fresh:
            owner, _, part = name.rpartition("/")
            kept = weights.get(f"{before}/{part}")
            if owner == place and kept is not None and kept.shape == fresh[name].shape:
                found[name] = kept
    return found | {name: weights[name] for name in fresh if name.startswith("shared/transfer") and name in weights}


def _top(architecture: Architecture, like: str) -> str:
    """The node above which nothing but the kind of prediction stands."""
    heads = {head.given is not None: head.node for head in architecture.heads if head.task == like}
    name = heads.get(True, heads[False])  # the conditional one of a product
    node = architecture.node(name)
    return node.inputs[-1] if node.block.reads_predictions else name


def _renamed(name: str, like: str, task: str) -> str:
    """``tower/click`` -> ``tower/like``, wherever the old task is a part of the path."""
    parts = name.split("/")
    return "/".join(task if part == like else part for part in parts) if like in parts else f"{name}/{task}"


def _alone(nodes: list[Node]) -> tuple[Node, ...]:
    """A set of weights that one node is left to use is its own."""
    users = [node.tied for node in nodes]
    return tuple(node.model_copy(update={"tied": ""}) if users.count(node.tied) == 1 else node for node in nodes)
