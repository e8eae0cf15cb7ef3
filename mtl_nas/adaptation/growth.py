"""The graph of a new task: what an old task's head reads, with a head of its own; and where its weights come from."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from torch import Tensor

from mtl_nas.architecture import Architecture, Head, Node
from mtl_nas.blocks import Product, Thresholds, Tower, Transfer
from mtl_nas.data.schema import Task
from mtl_nas.errors import DesignError

MAPS = "shared/transfer"  # where names of the weights begin that transfers of one width have in common


class Growth(NamedTuple):
    """The graph; set of weights -> the old set it starts from; the sets that other tasks trained too.

    A set is named as in ``Network.weights``: by its node, ``shared/<label>`` if it is tied, ``shared/transfer`` for maps.
    """

    architecture: Architecture
    origins: Mapping[str, str]
    shared: frozenset[str]

    def holds(self, weight: str) -> bool:
        """It belongs to a shared set."""
        return _set_of(weight) in self.shared

    def carried(self, old: Mapping[str, Tensor], fresh: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The old weights where they fit the new graph, the fresh ones elsewhere."""
        found = dict(fresh)
        for name, tensor in fresh.items():
            owner, _, part = name.rpartition("/")
            kept = old.get(f"{self.origins.get(owner, owner)}/{part}")
            if kept is not None and kept.shape == tensor.shape:
                found[name] = kept
        return found


def growth(architecture: Architecture, like: str, task: Task) -> Growth:
    """A graph that predicts the new task from what the head of ``like`` reads.

    Nodes that ``like`` alone trained are the new task's own now, under its name; without any others, its last one is.
    A DesignError where critics cannot give what the task needs.
    """
    top = _top(architecture, like)
    nodes = _below(architecture, top)
    trained = _trained(architecture)
    own = {node.name for node in nodes if trained[node.name] == {like}}
    others = [node for node in architecture.nodes if trained[node.name] - {like}]
    if len(own) == len(nodes):
        own, others = {top}, [node for node in nodes if node.name != top]
    names = {node.name: _renamed(node.name, like, task.name) if node.name in own else node.name for node in nodes}
    grown = [
        node.model_copy(update={"name": names[node.name], "inputs": tuple(names[name] for name in node.inputs)})
        for node in nodes
    ]
    grown[-1], resized = _headed(grown[-1], _head(architecture, like), task)
    grown = _untied(grown)
    origins = {_owner(new): _owner(old) for new, old in zip(grown, nodes, strict=True)}
    apart = {part for node in others for part in _sets(node)}
    shared = {
        name for new, old in zip(grown, nodes, strict=True) for name in _sets(new) if _origin(name, new, old) in apart
    }
    if resized:
        shared.discard(_owner(grown[-1]))
    last = grown[-1].name
    if task.kind == "ordinal":
        last = f"thresholds/{task.name}"
        origins[last] = _head(architecture, like).node
        grown.append(Node(name=last, block=Thresholds(outputs=task.outputs), inputs=(grown[-1].name,)))
    head = Head(task=task.name, node=last, kind=task.kind)
    return Growth(Architecture(nodes=tuple(grown), heads=(head,)), origins, frozenset(shared))
