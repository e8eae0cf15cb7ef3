"""What differs between two graphs, in words."""

from typing import Any

from mtl_nas.architecture.drawing import boxes, described
from mtl_nas.architecture.graph import Architecture


def differences(one: Architecture, other: Architecture) -> list[str]:
    """Lines ``- ...`` for what only the first has, ``+ ...`` for the second, ``~ ...`` for options that changed."""
    if one.key == other.key:
        return ["the graphs are the same"]
    first, second = _named(one), _named(other)
    lines = []
    for name in (*first, *(name for name in second if name not in first)):
        if name not in second:
            lines.append(f"- {name}: {first[name][0]}")
        elif name not in first:
            lines.append(f"+ {name}: {second[name][0]}")
        elif first[name] != second[name]:
            lines.append(f"~ {name}: {_changed(first[name], second[name])}")
    lines += _thinned(one, other)
    count = other.parameters - one.parameters
    return [*lines, f"{count:+,} parameters ({one.parameters:,} to {other.parameters:,})"]


def _named(architecture: Architecture) -> dict[str, tuple[str, dict[str, Any], tuple[str, ...]]]:
    found = boxes(architecture)
    return {
        box.nodes[0].name: (
            described(box, architecture),
            box.nodes[0].block.model_dump(mode="json"),
            tuple(found[index].nodes[0].name for index in box.reads),
        )
        for box in found
    }


def _thinned(one: Architecture, other: Architecture) -> list[str]:
    """Heads that make up for other shares of the negatives."""
    first, second = ({(head.task, head.given): head.negatives for head in graph.heads} for graph in (one, other))
    return [
        f"~ head of {name if given is None else f'{name}|{given}'}: negatives {share} -> {second[name, given]}"
        for (name, given), share in first.items()
        if share != second.get((name, given), share)
    ]


def _changed(
    first: tuple[str, dict[str, Any], tuple[str, ...]], second: tuple[str, dict[str, Any], tuple[str, ...]]
) -> str:
    if first[0] != second[0]:
        return f"{first[0]} -> {second[0]}"
    options = [
        f"{key} {value} -> {second[1].get(key)}"
        for key, value in first[1].items()
        if value != second[1].get(key) and key not in ("categories", "numbers", "missing")
    ]
    if first[2] != second[2]:
        gone, new = set(first[2]) - set(second[2]), set(second[2]) - set(first[2])
        options += [f"no longer reads {name}" for name in sorted(gone)] + [f"reads {name} too" for name in sorted(new)]
    return "; ".join(options) or "other columns"
