"""Pictures of an architecture: text for a terminal, Mermaid for a page, SVG for a report. Alike experts are one box."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape

from mtl_nas import blocks
from mtl_nas.architecture.graph import Architecture, Node

COLOURS = {
    "embedding": "#dbe7f5",
    "field_mean": "#dbe7f5",
    "task_embedding": "#dbe7f5",
    "sequence": "#dbe7f5",
    "concat": "#eeeeee",
    "sum": "#eeeeee",
    "stop": "#eeeeee",
    "expert": "#fdecc8",
    "gate": "#e3d9f2",
    "stitch": "#e3d9f2",
    "route": "#e3d9f2",
    "transfer": "#f9d5d3",
    "tower": "#d9ecd5",
    "thresholds": "#d9ecd5",
    "product": "#f9d5d3",
}


COLUMNS = {"embedding": "columns", "sequence": "a history"}  # what is read below the first node
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WRAP_ROOM = 30  # columns; with less, what a box reads goes on the next line


@dataclass(frozen=True)
class Box:
    """Nodes of one block that read and feed the same nodes."""

    nodes: tuple[Node, ...]
    reads: tuple[int, ...]  # places of earlier boxes
    depth: int
    heads: tuple[str, ...]

    @property
    def name(self) -> str:
        """The node's name, or that of the first and how far they go."""
        first, last = self.nodes[0].name, self.nodes[-1].name
        return first if len(self.nodes) == 1 else f"{first}..{last.rpartition('/')[2]}"

    @property
    def kind(self) -> str:
        """The block's name."""
        return self.nodes[0].block.block


def boxes(architecture: Architecture) -> tuple[Box, ...]:
    """The architecture with alike nodes together, in an order in which each reads earlier ones."""
    feeds: dict[str, list[str]] = defaultdict(list)
    for node in architecture.nodes:
        for name in node.inputs:
            feeds[name].append(node.name)
    groups: dict[object, list[Node]] = defaultdict(list)
    for node in architecture.nodes:
        heads = tuple(head.task for head in architecture.heads if head.node == node.name)
        alike = node.block.block == "expert"
        groups[(node.block, node.inputs, tuple(sorted(feeds[node.name])), heads, "" if alike else node.name)].append(
            node
        )
    place: dict[str, int] = {}
    found: list[Box] = []
    for nodes in groups.values():
        reads = tuple(dict.fromkeys(place[name] for name in nodes[0].inputs))
        depth = 1 + max((found[index].depth for index in reads), default=-1)
        heads = tuple(
            head.task if head.given is None else f"{head.task}|{head.given}"
            for head in architecture.heads
            if head.node == nodes[0].name
        )
        place.update({node.name: len(found) for node in nodes})
        found.append(Box(tuple(nodes), reads, depth, heads))
    return tuple(found)


def described(box: Box, architecture: Architecture) -> str:
    """What a box computes, in a few words."""
    count, node = len(box.nodes), box.nodes[0]
    words = _WORDS[type(node.block)](node.block, architecture.inputs_of(node))
    words += ", tied" if node.tied else ""
    return f"{count} {words.replace('expert', 'experts', 1)}" if count > 1 else words


def text(architecture: Architecture, width: int = 80) -> str:
    """A line a box: name, what it is, what it reads, where it leads; long lists go on below."""
    found = boxes(architecture)
    rows = [(box.name, described(box, architecture), _reads(box, found)) for box in found]
    first = min(max(len(row[0]) for row in rows), width // 2)
    second = max(len(row[1]) for row in rows)
    lines = []
    for name, what, reads in rows:
        long = len(name) > first
        lines += textwrap.wrap(name, width) if long else []
        start = f"{'' if long else name:<{first}}  {what:<{second}}  "
        room = width - len(start)
        below = room < len(reads) and room < WRAP_ROOM
        lines += textwrap.wrap(start.rstrip(), width, subsequent_indent=" " * (first + 2)) if below else []
        indent = " " * (4 if below else len(start))
        lines += textwrap.wrap(reads, width, initial_indent=indent if below else start, subsequent_indent=indent)
    return "\n".join((*lines, f"{architecture.parameters:,} parameters, {architecture.macs:,} multiply-adds a row"))


def _reads(box: Box, found: tuple[Box, ...]) -> str:
    reads = ", ".join(found[index].name for index in box.reads) or COLUMNS.get(box.kind, "nothing")
    return f"<- {reads}" + "".join(f"  => {head}" for head in box.heads)


def mermaid(architecture: Architecture) -> str:
    """A flowchart for Markdown pages."""
    found = boxes(architecture)
    lines = ["flowchart TD"]
    for place, box in enumerate(found):
        label = f"{_entities(box.name)}<br/>{_entities(described(box, architecture))}"
        lines.append(f'  n{place}["{label}"]')
        lines.append(f"  style n{place} fill:{COLOURS[box.kind]},stroke:#555,color:#222")
        lines += [f"  n{source} --> n{place}" for source in box.reads]
        for head in box.heads:
            lines += [f'  h{place}_{len(lines)}(["{_entities(head)}"])', f"  n{place} --> h{place}_{len(lines)}"]
    return "\n".join(lines) + "\n"


def _entities(words: str) -> str:
    """Letters, digits and harmless marks as they are, all else as Mermaid's numbered entities."""
    return "".join(mark if mark.isalnum() or mark in " ./:,+-_()" else f"#{ord(mark)};" for mark in words)


WIDTH, HEIGHT, GAP_X, GAP_Y, LETTER = 190, 42, 18, 46, 6.2


def svg(architecture: Architecture) -> str:
    """A layered drawing, inputs at the top."""
    found = boxes(architecture)
    place = _places(found)
    right = max(x for x, _ in place.values()) + WIDTH / 2 + GAP_X
    bottom = max(y for _, y in place.values()) + HEIGHT + GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" '
        f'width="{right:.0f}" height="{bottom:.0f}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, box in enumerate(found):
        x, y = place[index]
        for source in box.reads:
            above, top = place[source]
            start, middle = top + HEIGHT, (top + HEIGHT + y) / 2
            parts.append(
                f'<path d="M{above:.0f},{start:.0f} C{above:.0f},{middle:.0f} {x:.0f},{middle:.0f} {x:.0f},{y:.0f}" '
                'fill="none" stroke="#999" stroke-width="1.2"/>'
            )
    for index, box in enumerate(found):
        parts += _drawn(box, *place[index], architecture)
    return "\n".join((*parts, "</svg>", ""))


def _drawn(box: Box, x: float, y: float, architecture: Architecture) -> list[str]:
    left = x - WIDTH / 2
    size = f'width="{WIDTH}" height="{HEIGHT}" rx="6" stroke="#555"'
    shapes = [f'<rect x="{left + 4:.0f}" y="{y - 4:.0f}" {size} fill="#f6f6f6"/>'] if len(box.nodes) > 1 else []
    shapes.append(f'<rect x="{left:.0f}" y="{y:.0f}" {size} fill="{COLOURS[box.kind]}"/>')
    for line, (words, weight) in enumerate(((box.name, "bold"), (described(box, architecture), "normal"))):
        room = int((WIDTH - 10) / LETTER)
        short = words if len(words) <= room else words[: room - 1] + "…"
        shapes.append(
            f'<text x="{x:.0f}" y="{y + 17 + 15 * line:.0f}" text-anchor="middle" font-weight="{weight}">'
            f"{_drawable(short)}</text>"
        )
    if box.heads:
        shapes.append(
            f'<text x="{x:.0f}" y="{y + HEIGHT + 16:.0f}" text-anchor="middle" fill="#2a6b2a" font-size="12">'
            f"{_drawable(', '.join(box.heads))}</text>"
        )
    return shapes


def _drawable(words: str) -> str:
    """Escaped; what XML has no character for, as boxes."""
    return escape(NO_XML.sub("▯", words))


def _places(found: tuple[Box, ...]) -> dict[int, tuple[float, float]]:
    """Centre and top of each box: rows by depth, in a row by the mean place of what is read."""
    rows: dict[int, list[int]] = defaultdict(list)
    for index, box in enumerate(found):
        rows[box.depth].append(index)
    widest = max(map(len, rows.values()))
    place: dict[int, tuple[float, float]] = {}
    for depth in sorted(rows):
        order = sorted(rows[depth], key=lambda index: (_mean_x(found[index], place), index))
        start = GAP_X + WIDTH / 2 + (widest - len(order)) * (WIDTH + GAP_X) / 2
        for column, index in enumerate(order):
            place[index] = (start + column * (WIDTH + GAP_X), GAP_Y / 2 + depth * (HEIGHT + GAP_Y))
    return place


def _mean_x(box: Box, place: Mapping[int, tuple[float, float]]) -> float:
    xs = [place[index][0] for index in box.reads]
    return sum(xs) / len(xs) if xs else 0.0


def _layers(hidden: tuple[int, ...]) -> str:
    return "-".join(map(str, hidden))


def _extras(block: blocks.Layers) -> str:
    parts: list[str] = [] if block.activation == "relu" else [block.activation]
    parts += [] if block.norm == "none" else [f"{block.norm} norm"]
    parts += [f"dropout {block.dropout:g}"] if block.dropout else []
    parts += ["residual"] if block.residual else []
    return "".join(f", {part}" for part in parts)


def _embedding(block: blocks.Embedding, inputs: tuple[int, ...]) -> str:
    fields = f"{len(block.categories)} field{'s' * (len(block.categories) > 1)}" if block.categories else ""
    numbers = f"{len(block.numbers)} number{'s' * (len(block.numbers) > 1)}" if block.numbers else ""
    numbers += f" ({block.encoding})" if block.numbers else ""
    return f"embedding {block.width}: {' + '.join(part for part in (fields, numbers) if part)}"


def _sequence(block: blocks.Sequence, inputs: tuple[int, ...]) -> str:
    kind = {"mean": "mean", "property_gated_lstm": "property-gated lstm"}.get(block.kind, block.kind)
    weighed = "" if block.attention == "none" else f", {block.attention} attention"
    return f"{kind} of a sequence{weighed}, {block.units(inputs)} wide"


def _expert(block: blocks.Expert, inputs: tuple[int, ...]) -> str:
    parts = [_layers(block.hidden)] if block.hidden else []
    parts += [f"{block.cross} cross"] if block.cross else []
    parts += [f"feature gate {block.feature_gate}"] if block.feature_gate else []
    return f"expert {', '.join(parts) or 'identity'}{_extras(block)}"


def _gate(block: blocks.Gate, inputs: tuple[int, ...]) -> str:
    kind = f"top {block.top}" if block.kind == "top_k" else block.kind
    mixes = (
        "" if block.mixes == "state" else {"probability": "probabilities", "rate": "rates"}.get(block.mixes, "classes")
    )
    hidden = f", hidden {_layers(block.hidden)}" if block.hidden else ""
    return f"{kind} over {len(block.experts(inputs))}{' ' if mixes else ''}{mixes}{hidden}"


_WORDS: dict[type, Callable[..., str]] = {
    blocks.Embedding: _embedding,
    blocks.FieldMean: lambda block, inputs: f"mean of {block.fields} fields",
    blocks.TaskEmbedding: lambda block, inputs: f"task embedding {block.width}",
    blocks.Sequence: _sequence,
    blocks.Concat: lambda block, inputs: f"side by side, {block.units(inputs)} wide",
    blocks.Sum: lambda block, inputs: f"sum of {len(inputs)}",
    blocks.Stop: lambda block, inputs: "no gradient",
    blocks.Expert: _expert,
    blocks.Gate: _gate,
    blocks.Stitch: lambda block, inputs: f"stitch of {len(inputs)}",
    blocks.Route: lambda block, inputs: f"routes from {len(inputs)}" + (", transformed" if block.transform else ""),
    blocks.Transfer: lambda block, inputs: f"transfer from {len(inputs) - 1}, {block.score} score",
    blocks.Tower: lambda block, inputs: f"tower {_layers((*block.hidden, block.outputs))}{_extras(block)}",
    blocks.Thresholds: lambda block, inputs: f"{block.outputs} thresholds",
    blocks.Product: lambda block, inputs: f"product of {len(inputs)}",
}
