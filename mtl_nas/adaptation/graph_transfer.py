"""The graph of a new task: the nodes below the head of an old task, and a new head."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import Thresholds, Tower
from mtl_nas.data import Task
from mtl_nas.errors import DesignError


class GraphTransfer(NamedTuple):
    """A graph for a new task, and the old nodes from which its weights come."""

    architecture: Architecture
    origins: Mapping[str, str]  # name of the old node, by name of the new one
    shared: frozenset[str]  # nodes that several old tasks trained


def default_like(tasks: Sequence[Task], new: Task) -> str:
    """The first task of the kind and the number of outputs of the new one, or else the first task."""
    same_kind = [task.name for task in tasks if (task.kind, task.outputs) == (new.kind, new.outputs)]
    return (same_kind or [task.name for task in tasks])[0]


def transfer_graph(architecture: Architecture, like: str, task: Task) -> GraphTransfer:
    """Make a graph that predicts the new task from the nodes below the head of ``like``.

    Nodes that several tasks trained keep their names. Nodes of ``like`` alone are renamed after the new task.

    Raises:
        DesignError: The graph predicts ``like`` with critics, and the new task needs another number of outputs.
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
    renamed = [
        node.model_copy(update={"name": names[node.name], "inputs": tuple(names[name] for name in node.inputs)})
        for node in nodes
    ]
    head = names[top]
    outputs = 1 if task.rules.is_cumulative else task.outputs
    last = renamed[-1]
    if isinstance(last.block, Tower) and last.block.outputs != outputs:
        renamed[-1] = last.model_copy(update={"block": last.block.model_copy(update={"outputs": outputs})})
    elif architecture.widths[top] != outputs:
        raise DesignError(
            f"critics of '{like}' give {architecture.widths[top]} numbers, '{task.name}' needs {outputs}; "
            "name a task of the same kind with like"
        )
    if task.rules.is_cumulative:
        head = f"thresholds/{task.name}"
        renamed.append(Node(name=head, block=Thresholds(outputs=task.outputs), inputs=(names[top],)))
    heads = (Head(task=task.name, node=head, kind=task.kind),)
    return GraphTransfer(
        Architecture(nodes=_without_single_ties(renamed), heads=heads),
        {names[node.name]: node.name for node in nodes},
        frozenset(names[name] for name in shared),
    )


def transferred_weights(
    transfer: GraphTransfer, old: Architecture, weights: Mapping[str, Tensor], fresh: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Weights of the new graph by name: the old weight where its shape fits, else the fresh one."""
    transferred = dict(fresh)
    tied = {node.name: node.tied for node in old.nodes}
    for node in transfer.architecture.nodes:
        origin = transfer.origins.get(node.name)
        if origin is None:
            continue
        new_owner = f"shared/{node.tied}" if node.tied else node.name
        old_owner = f"shared/{tied[origin]}" if tied[origin] else origin
        for name in fresh:
            owner, _, part = name.rpartition("/")
            weight = weights.get(f"{old_owner}/{part}")
            if owner == new_owner and weight is not None and weight.shape == fresh[name].shape:
                transferred[name] = weight
    maps = [name for name in fresh if name.startswith("shared/transfer") and name in weights]
    return transferred | {name: weights[name] for name in maps}


def _top(architecture: Architecture, like: str) -> str:
    """The last node of a task below products and thresholds, which depend on the task's kind."""
    heads = {head.given is not None: head.node for head in architecture.heads if head.task == like}
    name = heads.get(True, heads[False])  # the conditional probability, if the task has one
    node = architecture.node(name)
    return node.inputs[-1] if node.block.reads_predictions else name


def _renamed(name: str, like: str, task: str) -> str:
    """Replace the old task in a node's name, ``tower/click`` -> ``tower/share``, or append the new one."""
    parts = name.split("/")
    return "/".join(task if part == like else part for part in parts) if like in parts else f"{name}/{task}"


def _without_single_ties(nodes: list[Node]) -> tuple[Node, ...]:
    """The nodes, without a label ``tied`` that only one of them has."""
    sets = [node.tied for node in nodes]
    return tuple(node.model_copy(update={"tied": ""}) if sets.count(node.tied) == 1 else node for node in nodes)
