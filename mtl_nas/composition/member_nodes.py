"""The nodes of a design with members: copies of states, and experts and towers with factors per member."""

from collections.abc import Iterator, Mapping

from mtl_nas.architecture import Node
from mtl_nas.blocks import (
    Embedding,
    Expert,
    FieldMean,
    History,
    MemberExpert,
    MemberInput,
    MemberTower,
    TaskEmbedding,
    Tower,
)
from mtl_nas.composition.graph_builder import GraphBuilder

Columns = list[tuple[int, int]]  # runs of equally wide columns: (width, number)


def for_members(builder: GraphBuilder, name: str) -> str:
    """The node that holds a state once per member; the state itself in a design of one member."""
    members = builder.design.members.count
    if members == 1:
        return name
    block = MemberInput(members=members, columns=tuple(_joined(_columns(builder.nodes, name))))
    return builder.add(f"members/{name}", block, name)


def member_expert(builder: GraphBuilder, expert: Expert, state: str) -> Expert:
    """The expert that reads a state, with factors per member if the design has members that need some."""
    members = builder.design.members
    if members.count == 1 or members.form == "mini" or not expert.hidden:
        return expert
    first = "inner" if _is_adapted(builder, state) and not (expert.cross or expert.feature_gate) else "all"
    options = expert.model_dump(exclude={"block"})
    return MemberExpert.model_validate({**options, "members": members.count, "adapters": first})


def member_tower(builder: GraphBuilder, tower: Tower, *states: str) -> Tower:
    """The tower that reads a state, or that several states share, with a last map per member."""
    members = builder.design.members
    if members.count == 1:
        return tower
    first = "inner" if all(_is_adapted(builder, state) for state in states) else "all"
    adapters = first if members.form == "full" and tower.hidden else "none"
    options = tower.model_dump(exclude={"block"})
    return MemberTower.model_validate({**options, "members": members.count, "adapters": adapters})


def _is_adapted(builder: GraphBuilder, state: str) -> bool:
    return isinstance(builder.nodes[state].block, MemberInput)


def _columns(nodes: Mapping[str, Node], name: str) -> Iterator[tuple[int, int]]:
    """The columns that a state holds beside one another, below any expert."""
    node = nodes[name]
    match node.block:
        case Embedding() as block:
            yield from ((block.width, block.fields), (1, block.scalars))
        case FieldMean() as block:
            yield (block.width, 1)
            yield from list(_columns(nodes, node.inputs[0]))[1:]
        case History() as block:
            yield (block.width, len(block.sizes)) if block.kind == "mean" else (block.hidden, 1)
        case TaskEmbedding() as block:
            yield (block.width, 1)
        case _:
            for source in node.inputs:
                yield from _columns(nodes, source)


def _joined(runs: Iterator[tuple[int, int]]) -> Columns:
    """The runs without empty ones, neighbours of one width as one."""
    joined: Columns = []
    for width, number in runs:
        if number and joined and joined[-1][0] == width:
            joined[-1] = (width, joined[-1][1] + number)
        elif number:
            joined.append((width, number))
    return joined
