"""The graph while it is written, and who owns a state."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mtl_nas.architecture import Architecture, Head, Node, NodeRole
from mtl_nas.blocks import Block
from mtl_nas.data.schema import Schema


class Owner(NamedTuple):
    """A task, a family of tasks, or all of them: whose experts and states these are."""

    kind: str
    name: str = ""
    lone: bool = False  # the family of one task that declares none: no declared family is named like it

    @property
    def suffix(self) -> str:
        """What the owner adds to a node's name."""
        family = f"/alone/{self.name}" if self.lone else f"/family/{self.name}"
        return {"shared": "", "task": f"/{self.name}", "family": family}[self.kind]


SHARED = Owner("shared")
States = dict[Owner, tuple[str, ...]]  # one node, or one for each expert above


class Owners:
    """Who may own experts and states on a schema; a task that is declared without a family is alone in it."""

    def __init__(self, schema: Schema) -> None:
        self.tasks = tuple(Owner("task", task.name) for task in schema.tasks)
        self._family_of = {
            own: Owner("family", task.family or task.name, lone=not task.family)
            for own, task in zip(self.tasks, schema.tasks, strict=True)
        }
        self.families = tuple(dict.fromkeys(self._family_of.values()))
        self.every = (SHARED, *self.families, *self.tasks)

    def family(self, task: Owner) -> Owner:
        """The task's family."""
        return self._family_of[task]

    def members(self, family: Owner) -> tuple[Owner, ...]:
        """The tasks of a family."""
        return tuple(task for task in self.tasks if self.family(task) == family)


class Sheet:
    """Nodes written so far, each once."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, name: str, block: Block, *inputs: str, tied: str = "", role: NodeRole = "") -> str:
        """Write a node unless it is there, and give its name."""
        self.nodes.setdefault(name, Node(name=name, block=block, inputs=inputs, tied=tied, role=role))
        return name

    def architecture(self, heads: Sequence[Head]) -> Architecture:
        """The nodes that lead to a head; a set of weights that one node uses is its own."""
        needed = {head.node for head in heads}
        for node in reversed(self.nodes.values()):
            if node.name in needed:
                needed.update(node.inputs)
        nodes = [node for node in self.nodes.values() if node.name in needed]
        users = Counter(node.tied for node in nodes)
        alone = [node.model_copy(update={"tied": ""}) if users[node.tied] == 1 else node for node in nodes]
        return Architecture(nodes=tuple(alone), heads=tuple(heads))
