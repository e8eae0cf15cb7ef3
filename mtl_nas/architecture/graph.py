"""The graph of one model: an immutable value that knows its widths, its cost and its identity."""

from collections import Counter, defaultdict
from functools import cached_property
from typing import Literal

import networkx as nx
from pydantic import model_validator

from mtl_nas.architecture.key import canonical_key
from mtl_nas.blocks import Block, Product, Stop, Transfer
from mtl_nas.data import KINDS, KindName
from mtl_nas.errors import ArchitectureError
from mtl_nas.values import Value, nearest


class Node(Value):
    """A block at a place in the graph; ``inputs`` are names of earlier nodes, in the order that the block reads.

    Nodes with one label ``tied`` share one set of weights.
    """

    name: str
    block: Block
    inputs: tuple[str, ...] = ()
    tied: str = ""

    @property
    def roles(self) -> tuple[str, ...]:
        """What each input is to the block: the first role once where there are two, the last one for all others."""
        roles = self.block.reads
        if getattr(self.block, "asks", True) is False:
            roles = roles[1:]  # a mean reads experts alone
        return tuple(roles[min(place, len(roles) - 1)] for place in range(len(self.inputs)))


class Head(Value):
    """Where a task's prediction is read: natural parameters, one logit for a binary task.

    ``given`` marks the conditional probability of a funnel: exported and evaluated, never a loss of its own.
    negatives: the share of the rows without the funnel's first event that training sees; predictions make up for it.
    """

    task: str
    node: str
    kind: KindName
    given: str | None = None
    negatives: float = 1.0


class Architecture(Value):
    """Nodes in an order in which each reads earlier ones, and heads."""

    version: Literal[1] = 1
    nodes: tuple[Node, ...]
    heads: tuple[Head, ...]

    @model_validator(mode="after")
    def _is_sound(self) -> "Architecture":
        _check(self)
        return self

    @cached_property
    def widths(self) -> dict[str, int]:
        """Output width of every node."""
        widths: dict[str, int] = {}
        for node in self.nodes:
            widths[node.name] = node.block.units([widths[name] for name in node.inputs])
        return widths

    def inputs_of(self, node: Node) -> tuple[int, ...]:
        """Widths that the node reads."""
        return tuple(self.widths[name] for name in node.inputs)

    @cached_property
    def parameters(self) -> int:
        """Trained numbers; a set that several nodes share counts once."""
        sets = {node.tied or f"own {node.name}": node for node in self.nodes}
        own = sum(node.block.parameters(self.inputs_of(node)) for node in sets.values())
        shared = {
            (node.block, self.widths[node.name]): node.block.shared_parameters(self.inputs_of(node))
            for node in self.nodes
            if isinstance(node.block, Transfer)
        }
        return own + sum(shared.values())

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of one forward pass of one row."""
        return sum(node.block.macs(self.inputs_of(node)) for node in self.nodes)

    @cached_property
    def key(self) -> str:
        """The same for graphs that differ in nothing but names and the order of exchangeable nodes."""
        return canonical_key(self.to_networkx())

    @cached_property
    def reaching(self) -> dict[str, frozenset[str]]:
        """Node -> the tasks whose loss trains it; two or more make its parameters shared."""
        tasks: dict[str, set[str]] = defaultdict(set)
        for head in self.heads:
            if head.given is None:
                tasks[head.node].add(head.task)
        for node in reversed(self.nodes):
            for name in node.inputs if not isinstance(node.block, Stop) else ():
                stopped = isinstance(node.block, Transfer) and node.block.stop_gradient and name != node.inputs[0]
                tasks[name] |= set() if stopped else tasks[node.name]
        return {node.name: frozenset(tasks[node.name]) for node in self.nodes}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks in the order of their heads."""
        return tuple(head.task for head in self.heads if head.given is None)

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def to_networkx(self) -> "nx.MultiDiGraph[str]":
        """Nodes with ``block``, ``heads`` and ``tied``, edges with ``role``; a node can be read twice."""
        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
        for node in self.nodes:
            heads = sorted(
                (head.task, head.kind, head.given or "", *((head.negatives,) if head.negatives < 1 else ()))
                for head in self.heads
                if head.node == node.name
            )
            graph.add_node(node.name, block=node.block.model_dump(mode="json"), heads=heads, tied=node.tied)
            for source, role in zip(node.inputs, node.roles, strict=True):
                graph.add_edge(source, node.name, role=role)
        return graph


def _check(architecture: Architecture) -> None:
    counted = Counter(node.name for node in architecture.nodes)
    twice = [name for name, count in counted.items() if count > 1]
    if twice:
        raise ArchitectureError(f"node '{twice[0]}' is there {counted[twice[0]]} times; names must differ")
    widths: dict[str, int] = {}
    for node in architecture.nodes:
        _check_inputs(node, widths, counted)
        try:
            widths[node.name] = node.block.units([widths[name] for name in node.inputs])
        except ValueError as problem:
            raise ArchitectureError(f"node '{node.name}': {problem}") from None
    _check_ties(architecture.nodes, widths)
    if not architecture.heads:
        raise ArchitectureError("an architecture needs a head; it has none")
    for head in architecture.heads:
        _check_head(head, widths)
    _check_products(architecture)
    twice = [name for (name, _), count in Counter((h.task, h.given) for h in architecture.heads).items() if count > 1]
    if twice:
        raise ArchitectureError(f"task '{twice[0]}' has two heads; a task is predicted at one node")
    useful = {head.node for head in architecture.heads}
    for node in reversed(architecture.nodes):
        if node.name not in useful:
            raise ArchitectureError(f"node '{node.name}' leads to no head; connect it or take it out")
        useful.update(node.inputs)


def _check_ties(nodes: tuple[Node, ...], widths: dict[str, int]) -> None:
    first: dict[str, Node] = {}
    for node in nodes:
        one = first.setdefault(node.tied, node)
        alike = one.block == node.block and [widths[name] for name in one.inputs] == [
            widths[name] for name in node.inputs
        ]
        if node.tied and not alike:
            raise ArchitectureError(
                f"nodes '{one.name}' and '{node.name}' share the weights '{node.tied}', but differ in block or widths"
            )


def _check_inputs(node: Node, earlier: dict[str, int], every: Counter[str]) -> None:
    for name in node.inputs:
        if name in earlier:
            continue
        late = name in every
        why = (
            "which comes later or is itself: a cycle"
            if late
            else f"which no earlier node computes{nearest(name, earlier)}"
        )
        raise ArchitectureError(f"node '{node.name}' reads '{name}', {why}")
    roles = node.block.reads if getattr(node.block, "asks", True) else node.block.reads[1:]
    needed = len(roles)
    most = None if roles and roles[-1] in ("part", "expert", "source", "factor", "term", "other") else needed
    found = len(node.inputs)
    if found < needed or (most is not None and found > most):
        wanted = "no input" if not roles else f"{'at least ' if most is None else ''}{needed} ({', '.join(roles)})"
        raise ArchitectureError(f"node '{node.name}' ({node.block.block}) reads {wanted}, got {found}")


def _check_products(architecture: Architecture) -> None:
    products = [node for node in architecture.nodes if isinstance(node.block, Product)]
    chances = {name: node.name for node in products for name in (node.name, *node.inputs)}
    for head in architecture.heads:
        if not KINDS[head.kind].is_event and head.node in chances:
            raise ArchitectureError(
                f"product '{chances[head.node]}' takes '{head.node}' for a chance, but the head of '{head.task}' reads "
                f"it as {head.kind}; multiply binary tasks alone"
            )


def _check_head(head: Head, widths: dict[str, int]) -> None:
    if head.node not in widths:
        raise ArchitectureError(
            f"the head of '{head.task}' reads '{head.node}', which no node computes{nearest(head.node, widths)}"
        )
    width = widths[head.node]
    wanted = {"several": "a number a class", "one": "one number"}.get(KINDS[head.kind].head_width)
    if wanted and (wanted == "one number") != (width == 1):
        raise ArchitectureError(f"the head of '{head.task}' is {head.kind} and needs {wanted}, got width {width}")
