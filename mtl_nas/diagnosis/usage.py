"""Which tasks use which node: the graph without the connections that carry next to nothing."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from mtl_nas.architecture import Architecture
from mtl_nas.diagnosis.gate_usage import source
from mtl_nas.record.diagnosis import Mixture

Users = Mapping[str, frozenset[str]]


def users(architecture: Architecture, mixed: Sequence[Mixture]) -> Users:
    """Node -> the tasks whose prediction it enters, over connections that get a tenth of an equal share or more."""
    used = {one.node: set(one.used) for one in mixed}
    weighed = {one.node: set(one.weights) for one in mixed}
    tasks: dict[str, set[str]] = defaultdict(set)
    for head in architecture.heads:
        if head.given is None:
            tasks[head.node].add(head.task)
    for node in reversed(architecture.nodes):
        for role, name in zip(node.input_roles, node.inputs, strict=True):
            origin = source(architecture, name)
            faint = node.name in used and role != "query" and origin in weighed[node.name] - used[node.name]
            if not faint:
                tasks[name] |= tasks[node.name]
    return {node.name: frozenset(tasks[node.name]) for node in architecture.nodes}


def unused(architecture: Architecture, mixed: Sequence[Mixture], used: Users) -> tuple[str, ...]:
    """Of what is mixed, what enters no prediction, in the order of the graph."""
    return tuple(name for name in _mixed(architecture, mixed) if not used[name])


def narrowed(architecture: Architecture, mixed: Sequence[Mixture], used: Users) -> dict[str, str]:
    """Of what is mixed and trained by several tasks, what enters one prediction alone: that task.

    Of a shared expert, this is degradation in the words of HoME (Wang et al., 2024).
    """
    return {
        name: next(iter(used[name]))
        for name in _mixed(architecture, mixed)
        if len(used[name]) == 1 and len(architecture.reaching[name]) > 1
    }


def _mixed(architecture: Architecture, mixed: Sequence[Mixture]) -> list[str]:
    names = {name for one in mixed for name in one.weights}
    return [node.name for node in architecture.nodes if node.name in names]
