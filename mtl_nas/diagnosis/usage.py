"""The tasks that use a node: those that depend on it by connections of noticeable weight."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mtl_nas.architecture import Architecture
from mtl_nas.diagnosis.gate_usage import source
from mtl_nas.record import Mixture

TasksByNode = Mapping[str, frozenset[str]]


def tasks_by_node(architecture: Architecture, mixtures: Sequence[Mixture]) -> TasksByNode:
    """Node -> the tasks that depend on it, without connections below a tenth of an equal share."""
    ignored = {mixture.node: set(mixture.weights) - set(mixture.used) for mixture in mixtures}
    tasks: dict[str, set[str]] = defaultdict(set)
    for head in architecture.heads:
        if head.given is None:
            tasks[head.node].add(head.task)
    for node in reversed(architecture.nodes):
        for role, name in zip(node.input_roles, node.inputs, strict=True):
            if role == "query" or source(architecture, name) not in ignored.get(node.name, ()):
                tasks[name] |= tasks[node.name]
    return {node.name: frozenset(tasks[node.name]) for node in architecture.nodes}


def unused_nodes(architecture: Architecture, mixtures: Sequence[Mixture], tasks: TasksByNode) -> tuple[str, ...]:
    """Mixed nodes on which no prediction depends, in the order of the graph."""
    return tuple(name for name in _mixed_nodes(architecture, mixtures) if not tasks[name])


def single_task_nodes(architecture: Architecture, mixtures: Sequence[Mixture], tasks: TasksByNode) -> dict[str, str]:
    """Mixed nodes that several tasks train but only one uses -> that task.

    For shared experts this is the degradation of HoME (Wang et al., 2024).
    """
    return {
        name: next(iter(tasks[name]))
        for name in _mixed_nodes(architecture, mixtures)
        if len(tasks[name]) == 1 and len(architecture.reaching[name]) > 1
    }


def _mixed_nodes(architecture: Architecture, mixtures: Sequence[Mixture]) -> list[str]:
    names = {name for mixture in mixtures for name in mixture.weights}
    return [node.name for node in architecture.nodes if node.name in names]
