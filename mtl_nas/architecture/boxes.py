"""The boxes of a drawing: each is one node or several equal experts."""

from collections import defaultdict
from dataclasses import dataclass

from mtl_nas.architecture.graph import Architecture
from mtl_nas.architecture.node import Node
from mtl_nas.blocks import Block


@dataclass(frozen=True)
class Box:
    """Nodes of one block that read and feed the same nodes."""

    nodes: tuple[Node, ...]
    label: str  # the block in a few words
    sources: tuple[int, ...]  # indices of the boxes that the nodes read
    depth: int
    heads: tuple[str, ...]

    @property
    def name(self) -> str:
        """The node's name, or such as ``level0/expert/0..3`` for several nodes."""
        first, last = self.nodes[0].name, self.nodes[-1].name
        return first if len(self.nodes) == 1 else f"{first}..{last.rpartition('/')[2]}"

    @property
    def block(self) -> Block:
        return self.nodes[0].block


def boxes(architecture: Architecture) -> tuple[Box, ...]:
    """The boxes of an architecture, sources first."""
    index_of: dict[str, int] = {}
    drawn: list[Box] = []
    for nodes in _groups(architecture):
        sources = tuple(dict.fromkeys(index_of[name] for name in nodes[0].inputs))
        depth = 1 + max((drawn[index].depth for index in sources), default=-1)
        heads = tuple(head.name for head in architecture.heads if head.node == nodes[0].name)
        index_of.update({node.name: len(drawn) for node in nodes})
        drawn.append(Box(tuple(nodes), _label(nodes, architecture), sources, depth, heads))
    return tuple(drawn)


def _groups(architecture: Architecture) -> list[list[Node]]:
    feeds: dict[str, list[str]] = defaultdict(list)
    for node in architecture.nodes:
        for name in node.inputs:
            feeds[name].append(node.name)
    groups: dict[object, list[Node]] = defaultdict(list)
    for node in architecture.nodes:
        heads = tuple(head.task for head in architecture.heads if head.node == node.name)
        alone = "" if node.block.drawn_together else node.name
        groups[node.block, node.inputs, tuple(sorted(feeds[node.name])), heads, alone].append(node)
    return list(groups.values())


def _label(nodes: list[Node], architecture: Architecture) -> str:
    label = nodes[0].block.label(architecture.input_widths(nodes[0])) + (", tied" if nodes[0].tied else "")
    if len(nodes) == 1:
        return label
    noun, space, rest = label.partition(" ")
    return f"{len(nodes)} {noun}s{space}{rest}"
