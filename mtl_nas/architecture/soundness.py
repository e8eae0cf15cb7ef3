"""Rules that the nodes and heads of a graph keep."""

from collections import Counter
from collections.abc import Mapping, Sequence

from mtl_nas.architecture.node import Head, Node
from mtl_nas.data import KINDS
from mtl_nas.errors import ArchitectureError
from mtl_nas.values import nearest


def refuse_unsound(nodes: Sequence[Node], heads: Sequence[Head]) -> None:
    """Raise an ArchitectureError that names the first node or head that breaks a rule."""
    names = Counter(node.name for node in nodes)
    for name, count in names.items():
        if count > 1:
            raise ArchitectureError(f"{count} nodes are named '{name}'; names must differ")
    widths: dict[str, int] = {}
    copies: dict[str, int] = {}
    for node in nodes:
        _check_inputs(node, widths, names)
        try:
            widths[node.name] = node.block.units([widths[name] for name in node.inputs])
            copies[node.name] = node.block.copies([copies[name] for name in node.inputs])
        except ValueError as problem:
            raise ArchitectureError(f"node '{node.name}': {problem}") from None
    _check_ties(nodes, widths)
    if not heads:
        raise ArchitectureError("an architecture needs a head; it has none")
    for head in heads:
        _check_head(head, widths)
    _check_members(heads, copies)
    _check_events(nodes, heads)
    for (task, _), count in Counter((head.task, head.given) for head in heads).items():
        if count > 1:
            raise ArchitectureError(f"task '{task}' has {count} heads; a task is predicted at one node")
    needed = {head.node for head in heads}
    for node in reversed(nodes):
        if node.name not in needed:
            raise ArchitectureError(f"node '{node.name}' leads to no head; connect it or take it out")
        needed.update(node.inputs)


def _check_inputs(node: Node, earlier: Mapping[str, int], names: Mapping[str, int]) -> None:
    for name in node.inputs:
        if name in names and name not in earlier:
            raise ArchitectureError(f"node '{node.name}' reads '{name}', which comes later or is itself: a cycle")
        if name not in earlier:
            hint = nearest(name, earlier)
            raise ArchitectureError(f"node '{node.name}' reads '{name}', which no earlier node computes{hint}")
    roles, variadic = node.block.roles, node.block.variadic
    missing, excess = len(node.inputs) < len(roles), len(node.inputs) > len(roles) and not variadic
    if missing or excess:
        expected = f"{'at least ' if variadic else ''}{len(roles)} ({', '.join(roles)})" if roles else "no input"
        raise ArchitectureError(f"node '{node.name}' ({node.block.block}) reads {expected}, got {len(node.inputs)}")


def _check_ties(nodes: Sequence[Node], widths: Mapping[str, int]) -> None:
    owners: dict[str, Node] = {}
    for node in nodes:
        owner = owners.setdefault(node.tied, node)
        equal_widths = [widths[name] for name in owner.inputs] == [widths[name] for name in node.inputs]
        if node.tied and not (owner.block == node.block and equal_widths):
            raise ArchitectureError(
                f"nodes '{owner.name}' and '{node.name}' share the weights '{node.tied}', but differ in block or widths"
            )


def _check_head(head: Head, widths: Mapping[str, int]) -> None:
    if head.node not in widths:
        raise ArchitectureError(
            f"the head of '{head.task}' reads '{head.node}', which no node computes{nearest(head.node, widths)}"
        )
    width = widths[head.node]
    needed = {"several": "one number per class", "one": "one number"}.get(KINDS[head.kind].head_width)
    if needed and (needed == "one number") != (width == 1):
        raise ArchitectureError(f"the head of '{head.task}' is {head.kind} and needs {needed}, got width {width}")


def _check_members(heads: Sequence[Head], copies: Mapping[str, int]) -> None:
    first = heads[0]
    for head in heads:
        if copies[head.node] != copies[first.node]:
            raise ArchitectureError(
                f"the heads of '{first.task}' and '{head.task}' average {copies[first.node]} and {copies[head.node]} "
                "members; all heads average equally many"
            )


def _check_events(nodes: Sequence[Node], heads: Sequence[Head]) -> None:
    event_nodes = {name: node for node in nodes if node.block.predicts_events for name in (node.name, *node.inputs)}
    for head in heads:
        node = event_nodes.get(head.node)
        if node is not None and not KINDS[head.kind].is_event:
            raise ArchitectureError(
                f"{node.block.block} '{node.name}' takes '{head.node}' for a binary prediction, but the head of "
                f"'{head.task}' reads it as {head.kind}; use it for binary tasks only"
            )
