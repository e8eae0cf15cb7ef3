"""The graph while it is composed, and the owners of experts and states."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mtl_nas.architecture import Architecture, Head, Node, NodeRole
from mtl_nas.blocks import Block
from mtl_nas.data import Schema
from mtl_nas.design import Design


class Owner(NamedTuple):
    """The owner of experts and states: a task, a family of tasks, or all tasks together."""

    kind: str
    name: str = ""
    lone: bool = False  # whether it is the family of a task that declares none, unlike any declared family of that name

    @property
    def suffix(self) -> str:
        """The end of the names of the owner's nodes."""
        family = f"/alone/{self.name}" if self.lone else f"/family/{self.name}"
        return {"shared": "", "task": f"/{self.name}", "family": family}[self.kind]


SHARED = Owner("shared")
OwnerStates = dict[Owner, tuple[str, ...]]  # one node, or one node for each expert above


class Owners:
    """The possible owners of experts and states on a schema; a task without a declared family is a family alone."""

    def __init__(self, schema: Schema) -> None:
        self.tasks = tuple(Owner("task", task.name) for task in schema.tasks)
        self._family_of = {
            own: Owner("family", task.family or task.name, lone=not task.family)
            for own, task in zip(self.tasks, schema.tasks, strict=True)
        }
        self.families = tuple(dict.fromkeys(self._family_of.values()))
        self.all = (SHARED, *self.families, *self.tasks)

    def family(self, task: Owner) -> Owner:
        return self._family_of[task]

    def members(self, family: Owner) -> tuple[Owner, ...]:
        """The tasks of a family."""
        return tuple(task for task in self.tasks if self.family(task) == family)


class GraphBuilder:
    """The nodes of a design on a schema that have been added so far, each once."""

    def __init__(self, design: Design, schema: Schema) -> None:
        self.design, self.schema, self.owners = design, schema, Owners(schema)
        self.nodes: dict[str, Node] = {}

    def add(self, name: str, block: Block, *inputs: str, tied: str = "", role: NodeRole = "") -> str:
        """Add a node unless one has that name, and return the name."""
        self.nodes.setdefault(name, Node(name=name, block=block, inputs=inputs, tied=tied, role=role))
        return name

    def architecture(self, heads: Sequence[Head]) -> Architecture:
        """The graph of the nodes that lead to a head; a label ``tied`` that only one of them has is dropped."""
        needed = {head.node for head in heads}
        for node in reversed(self.nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = [node for node in self.nodes.values() if node.name in needed]
        users = Counter(node.tied for node in nodes)
        untied = [node.model_copy(update={"tied": ""}) if users[node.tied] == 1 else node for node in nodes]
        return Architecture(nodes=tuple(untied), heads=tuple(heads))
