"""Which nodes run together: a stage is the nodes of one generation that share block and widths."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from mtl_nas.architecture import Architecture, Node
from mtl_nas.blocks import Block
from mtl_nas.errors import ArchitectureError


@dataclass(frozen=True)
class Stage:
    """Nodes of one block that one kernel computes; members that read the same nodes stand side by side."""

    block: Block
    nodes: tuple[str, ...]
    inputs: tuple[tuple[str, ...], ...]  # of each member
    widths: tuple[int, ...]  # of the inputs of a member, the same for all
    units: int
    pool: tuple[str, ...]  # every node that a member reads, in the order in which stages give them
    sets: tuple[str, ...]  # of weights: ``shared/<label>``, or the name of the node that has them for itself
    uses: tuple[int, ...]  # the place of each member's set

    @cached_property
    def tied(self) -> bool:
        """Members share weights."""
        return len(self.sets) < len(self.nodes)

    def column(self, place: int) -> tuple[str, ...]:
        """What each member reads at that place."""
        return self._columns[place]

    def runs(self, place: int) -> tuple[tuple[str, int], ...]:
        """(node, members that read it), for members side by side that read one node at that place."""
        return self._runs[place]

    @cached_property
    def _columns(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(inputs[place] for inputs in self.inputs) for place in range(len(self.widths)))

    @cached_property
    def _runs(self) -> tuple[tuple[tuple[str, int], ...], ...]:
        return tuple(tuple((name, len(list(members))) for name, members in groupby(column)) for column in self._columns)


def plan(architecture: Architecture) -> tuple[Stage, ...]:
    """Stages in an order in which each reads earlier ones."""
    depth = _depths(architecture)
    members: dict[tuple[int, Block, tuple[int, ...]], list[Node]] = defaultdict(list)
    for node in architecture.nodes:
        members[depth[node.name], node.block, architecture.input_widths(node)].append(node)
    order = {node.name: place for place, node in enumerate(architecture.nodes)}
    stages: list[Stage] = []
    given: dict[str, int] = {}  # where each node stands among all that have run
    for (_, block, widths), nodes in sorted(members.items(), key=lambda item: item[0][0]):
        nodes.sort(key=lambda node: (order[node.inputs[0]] if node.inputs else 0, order[node.name]))
        names = tuple(node.name for node in nodes)
        inputs = tuple(node.inputs for node in nodes)
        pool = tuple(sorted({name for read in inputs for name in read}, key=given.__getitem__))
        owners = [f"shared/{node.tied}" if node.tied else node.name for node in nodes]
        sets = tuple(dict.fromkeys(owners))
        uses = tuple(map(sets.index, owners))
        stages.append(Stage(block, names, inputs, widths, architecture.widths[names[0]], pool, sets, uses))
        given.update({name: len(given) + place for place, name in enumerate(names)})
    return tuple(stages)


def _depths(architecture: Architecture) -> dict[str, int]:
    """How many nodes lie below each; nodes that share weights wait for the deepest of them, to be one stage."""
    floors: dict[str, int] = {}
    for _ in architecture.nodes:
        depth: dict[str, int] = {}
        deepest: dict[str, int] = {}
        for node in architecture.nodes:
            below = 1 + max((depth[name] for name in node.inputs), default=-1)
            depth[node.name] = max(below, floors.get(node.tied, 0)) if node.tied else below
            deepest[node.tied] = max(depth[node.name], deepest.get(node.tied, 0))
        if all(deepest[label] == floors.get(label, 0) for label in deepest if label):
            return depth
        floors = deepest
    raise ArchitectureError("nodes that share weights cannot feed each other")
