"""The graph of one model: an immutable value with the widths of its nodes, its cost and its key."""

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import networkx as nx
from pydantic import model_validator

from mtl_nas import html
from mtl_nas.architecture.key import canonical_key
from mtl_nas.architecture.node import Head, Node
from mtl_nas.architecture.older_versions import with_roles
from mtl_nas.architecture.soundness import refuse_unsound
from mtl_nas.errors import ArchitectureError
from mtl_nas.values import Value, nearest


class Architecture(Value):
    """Nodes in an order in which each reads earlier ones, and heads."""

    version: Literal[1] = 1
    nodes: tuple[Node, ...]
    heads: tuple[Head, ...]

    @model_validator(mode="before")
    @classmethod
    def _roles_of_older_files(cls, tree: Any) -> Any:
        return with_roles(tree) if isinstance(tree, Mapping) else tree

    @model_validator(mode="after")
    def _is_sound(self) -> "Architecture":
        refuse_unsound(self.nodes, self.heads)
        return self

    @cached_property
    def widths(self) -> dict[str, int]:
        """Output width of every node."""
        widths: dict[str, int] = {}
        for node in self.nodes:
            widths[node.name] = node.block.units([widths[name] for name in node.inputs])
        return widths

    def input_widths(self, node: Node) -> tuple[int, ...]:
        """Width of each input of the node."""
        return tuple(self.widths[name] for name in node.inputs)

    @cached_property
    def copies(self) -> dict[str, int]:
        """Rows of every node's output for each row of the table: one, or one per member of the design."""
        copies: dict[str, int] = {}
        for node in self.nodes:
            copies[node.name] = node.block.copies([copies[name] for name in node.inputs])
        return copies

    @property
    def members(self) -> int:
        """Number of networks in one, whose predictions are averaged."""
        return self.copies[self.heads[0].node]

    @cached_property
    def parameters(self) -> int:
        """Number of trained weights; a set that several nodes share counts once."""
        owners = {node.tied or f"own {node.name}": node for node in self.nodes}
        own = sum(node.block.parameters(self.input_widths(node)) for node in owners.values())
        shared = {
            (node.block, self.widths[node.name]): node.block.shared_parameters(self.input_widths(node))
            for node in self.nodes
        }
        return own + sum(shared.values())

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one forward pass of one row of the table, through all members."""
        return sum(self.copies[node.name] * node.block.macs(self.input_widths(node)) for node in self.nodes)

    @cached_property
    def key(self) -> str:
        """The identity of the graph: equal for graphs that differ only in names and in the order of equal nodes."""
        return canonical_key(self.to_networkx())

    @cached_property
    def reaching(self) -> dict[str, frozenset[str]]:
        """Node -> the tasks whose loss trains it; two or more make its parameters shared."""
        tasks: dict[str, set[str]] = defaultdict(set)
        for head in self.heads:
            if head.given is None:
                tasks[head.node].add(head.task)
        for node in reversed(self.nodes):
            for index, name in enumerate(node.inputs):
                if not node.block.stops_gradient(index):
                    tasks[name] |= tasks[node.name]
        return {node.name: frozenset(tasks[node.name]) for node in self.nodes}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks in the order of their heads."""
        return tuple(head.task for head in self.heads if head.given is None)

    def _repr_html_(self) -> str:
        """The drawing, for a notebook."""
        from mtl_nas.architecture.drawing import svg  # draws this class

        size = f"{self.parameters:,} trained parameters, {self.macs:,} multiply-adds per row"
        drawing = f'<div style="overflow:auto;max-height:32em">{svg(self)}</div>'
        return html.heading(f"Architecture for {', '.join(self.tasks)}:", size) + drawing

    def node(self, name: str) -> Node:
        """The node of that name; ArchitectureError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise ArchitectureError(f"no node '{name}' in this architecture{nearest(name, self.widths)}")

    def to_networkx(self) -> "nx.MultiDiGraph[str]":
        """The graph with attributes ``block``, ``heads`` and ``tied`` of nodes and ``role`` of edges."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self.nodes:
            heads = sorted(
                (head.task, head.kind, head.given or "", *((head.negatives,) if head.negatives < 1 else ()))
                for head in self.heads
                if head.node == node.name
            )
            block = node.block.model_dump(mode="json", exclude=node.block.outside_keys)
            graph.add_node(node.name, block=block, heads=heads, tied=node.tied)
            for source, role in zip(node.inputs, node.input_roles, strict=True):
                graph.add_edge(source, node.name, role=role)
        return graph
