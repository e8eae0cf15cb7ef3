"""Grouping of nodes into stages: nodes of one depth, with equal blocks and widths, run together."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from mtl_nas.architecture import Architecture, Node
from mtl_nas.blocks import Block
from mtl_nas.errors import ArchitectureError


@dataclass(frozen=True)
class Stage:
    """Nodes of one block that one kernel computes, its members; members that read the same nodes are neighbours."""

    block: Block
    nodes: tuple[str, ...]
    inputs: tuple[tuple[str, ...], ...]  # names of the nodes that each member reads
    widths: tuple[int, ...]  # widths of a member's inputs, equal for all members
    units: int
    sources: tuple[str, ...]  # every node that a member reads, in the order in which stages compute them
    sets: tuple[str, ...]  # names of sets of weights: ``shared/<label>``, or the node that has the set for itself
    uses: tuple[int, ...]  # index of each member's set

    @cached_property
    def tied(self) -> bool:
        """Whether members share weights."""
        return len(self.sets) < len(self.nodes)

    def column(self, index: int) -> tuple[str, ...]:
        """The node that each member reads as its input of that index."""
        return self._columns[index]

    def runs(self, index: int) -> tuple[tuple[str, int], ...]:
        """(node, number of members) for each run of neighbours that read one node as their input of that index."""
        return self._runs[index]

    @cached_property
    def _columns(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(names[index] for names in self.inputs) for index in range(len(self.widths)))

    @cached_property
    def _runs(self) -> tuple[tuple[tuple[str, int], ...], ...]:
        return tuple(tuple((name, len(list(members))) for name, members in groupby(column)) for column in self._columns)


def stages_of(architecture: Architecture) -> tuple[Stage, ...]:
    """The stages of a graph, in an order in which each reads earlier ones."""
    depth = _depths(architecture)
    groups: dict[tuple[int, Block, tuple[int, ...]], list[Node]] = defaultdict(list)
    for node in architecture.nodes:
        groups[depth[node.name], node.block, architecture.input_widths(node)].append(node)
    graph_order = {node.name: index for index, node in enumerate(architecture.nodes)}
    stages: list[Stage] = []
    run_order: dict[str, int] = {}
    for (_, block, widths), nodes in sorted(groups.items(), key=lambda item: item[0][0]):
        nodes.sort(key=lambda node: (graph_order[node.inputs[0]] if node.inputs else 0, graph_order[node.name]))
        names = tuple(node.name for node in nodes)
        inputs = tuple(node.inputs for node in nodes)
        sources = tuple(sorted({name for read in inputs for name in read}, key=run_order.__getitem__))
        owners = [f"shared/{node.tied}" if node.tied else node.name for node in nodes]
        sets = tuple(dict.fromkeys(owners))
        uses = tuple(map(sets.index, owners))
        stages.append(Stage(block, names, inputs, widths, architecture.widths[names[0]], sources, sets, uses))
        run_order.update({name: len(run_order) + index for index, name in enumerate(names)})
    return tuple(stages)


def _depths(architecture: Architecture) -> dict[str, int]:
    """The length of the longest path below each node; nodes that share weights have the largest, to be one stage."""
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
