"""The differences between two graphs, in words."""

from typing import Any, NamedTuple

from mtl_nas.architecture.boxes import boxes
from mtl_nas.architecture.graph import Architecture

COLUMN_OPTIONS = ("categories", "numbers", "missing")  # too long to be listed


class DrawnNode(NamedTuple):
    """The label, options and sources of a box."""

    label: str
    options: dict[str, Any]
    sources: tuple[str, ...]


def differences(first: Architecture, second: Architecture) -> list[str]:
    """Lines ``- ...`` for what only the first has, ``+ ...`` for the second, ``~ ...`` for options that changed."""
    if first.key == second.key:
        return ["the graphs are the same"]
    old, new = _drawn_nodes(first), _drawn_nodes(second)
    lines = []
    for name in (*old, *(name for name in new if name not in old)):
        if name not in new:
            lines.append(f"- {name}: {old[name].label}")
        elif name not in old:
            lines.append(f"+ {name}: {new[name].label}")
        elif old[name] != new[name]:
            lines.append(f"~ {name}: {_changes(old[name], new[name])}")
    lines += _changed_negatives(first, second)
    count = second.parameters - first.parameters
    return [*lines, f"{count:+,} parameters ({first.parameters:,} to {second.parameters:,})"]


def _drawn_nodes(architecture: Architecture) -> dict[str, DrawnNode]:
    drawn = boxes(architecture)
    return {
        box.nodes[0].name: DrawnNode(
            box.label,
            box.block.model_dump(mode="json"),
            tuple(drawn[index].nodes[0].name for index in box.sources),
        )
        for box in drawn
    }


def _changed_negatives(first: Architecture, second: Architecture) -> list[str]:
    old, new = ({head.name: head.negatives for head in graph.heads} for graph in (first, second))
    return [
        f"~ head of {name}: negatives {share} -> {new[name]}"
        for name, share in old.items()
        if share != new.get(name, share)
    ]


def _changes(old: DrawnNode, new: DrawnNode) -> str:
    if old.label != new.label:
        return f"{old.label} -> {new.label}"
    changes = [
        f"{key} {value} -> {new.options.get(key)}"
        for key, value in old.options.items()
        if value != new.options.get(key) and key not in COLUMN_OPTIONS
    ]
    if old.sources != new.sources:
        gone, added = set(old.sources) - set(new.sources), set(new.sources) - set(old.sources)
        changes += [f"no longer reads {name}" for name in sorted(gone)]
        changes += [f"reads {name} too" for name in sorted(added)]
    return "; ".join(changes) or "other columns"
