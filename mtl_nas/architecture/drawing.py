"""Pictures of an architecture: text for a terminal, Mermaid for a page, SVG for a report."""

import re
import textwrap
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import escape

from mtl_nas.architecture.boxes import Box, boxes
from mtl_nas.architecture.graph import Architecture

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WRAP_ROOM = 30  # terminal columns; with fewer left, the sources of a box go on the next line
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, LETTER_WIDTH = 190, 42, 18, 46, 6.2  # pixels of an SVG drawing

Position = tuple[float, float]  # horizontal centre and top edge of a box in pixels


def text(architecture: Architecture, width: int = 80) -> str:
    """One line per box: name, label, sources, heads; long lists continue on the lines below."""
    drawn = boxes(architecture)
    name_room = min(max(len(box.name) for box in drawn), width // 2)
    label_room = max(len(box.label) for box in drawn)
    lines = []
    for box in drawn:
        sources = _sources(box, drawn)
        long = len(box.name) > name_room
        lines += textwrap.wrap(box.name, width) if long else []
        start = f"{'' if long else box.name:<{name_room}}  {box.label:<{label_room}}  "
        room = width - len(start)
        below = room < len(sources) and room < WRAP_ROOM
        lines += textwrap.wrap(start.rstrip(), width, subsequent_indent=" " * (name_room + 2)) if below else []
        indent = " " * (4 if below else len(start))
        lines += textwrap.wrap(sources, width, initial_indent=indent if below else start, subsequent_indent=indent)
    return "\n".join((*lines, f"{architecture.parameters:,} parameters, {architecture.macs:,} multiply-adds per row"))


def _sources(box: Box, drawn: Sequence[Box]) -> str:
    sources = ", ".join(drawn[index].name for index in box.sources) or box.block.origin
    return f"<- {sources}" + "".join(f"  => {head}" for head in box.heads)


def mermaid(architecture: Architecture) -> str:
    """A flowchart for Markdown pages."""
    lines = ["flowchart TD"]
    for index, box in enumerate(boxes(architecture)):
        lines.append(f'  n{index}["{_entities(box.name)}<br/>{_entities(box.label)}"]')
        lines.append(f"  style n{index} fill:{box.block.colour},stroke:#555,color:#222")
        lines += [f"  n{source} --> n{index}" for source in box.sources]
        for head in box.heads:
            lines += [f'  h{index}_{len(lines)}(["{_entities(head)}"])', f"  n{index} --> h{index}_{len(lines)}"]
    return "\n".join(lines) + "\n"


def _entities(words: str) -> str:
    """Letters, digits and harmless marks as they are, all else as Mermaid's numbered entities."""
    return "".join(mark if mark.isalnum() or mark in " ./:,+-_()" else f"#{ord(mark)};" for mark in words)


def svg(architecture: Architecture) -> str:
    """A layered drawing, inputs at the top."""
    drawn = boxes(architecture)
    positions = _positions(drawn)
    right = max(x for x, _ in positions.values()) + BOX_WIDTH / 2 + GAP_X
    bottom = max(y for _, y in positions.values()) + BOX_HEIGHT + GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:.0f} {bottom:.0f}" '
        f'width="{right:.0f}" height="{bottom:.0f}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for index, box in enumerate(drawn):
        parts += [_arrow(positions[source], positions[index]) for source in box.sources]
    for index, box in enumerate(drawn):
        parts += _shapes(box, *positions[index])
    return "\n".join((*parts, "</svg>", ""))


def _arrow(source: Position, target: Position) -> str:
    start = source[1] + BOX_HEIGHT
    middle = (start + target[1]) / 2
    return (
        f'<path d="M{source[0]:.0f},{start:.0f} C{source[0]:.0f},{middle:.0f} {target[0]:.0f},{middle:.0f} '
        f'{target[0]:.0f},{target[1]:.0f}" fill="none" stroke="#999" stroke-width="1.2"/>'
    )


def _shapes(box: Box, x: float, y: float) -> list[str]:
    left = x - BOX_WIDTH / 2
    size = f'width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" stroke="#555"'
    shapes = [f'<rect x="{left + 4:.0f}" y="{y - 4:.0f}" {size} fill="#f6f6f6"/>'] if len(box.nodes) > 1 else []
    shapes.append(f'<rect x="{left:.0f}" y="{y:.0f}" {size} fill="{box.block.colour}"/>')
    for line, (words, weight) in enumerate(((box.name, "bold"), (box.label, "normal"))):
        room = int((BOX_WIDTH - 10) / LETTER_WIDTH)
        short = words if len(words) <= room else words[: room - 1] + "…"
        shapes.append(
            f'<text x="{x:.0f}" y="{y + 17 + 15 * line:.0f}" text-anchor="middle" font-weight="{weight}">'
            f"{_escaped(short)}</text>"
        )
    if box.heads:
        shapes.append(
            f'<text x="{x:.0f}" y="{y + BOX_HEIGHT + 16:.0f}" text-anchor="middle" fill="#2a6b2a" font-size="12">'
            f"{_escaped(', '.join(box.heads))}</text>"
        )
    return shapes


def _escaped(words: str) -> str:
    """The words as XML text; a character that XML cannot hold becomes a small rectangle."""
    return escape(NOT_XML.sub("▯", words))


def _positions(drawn: Sequence[Box]) -> dict[int, Position]:
    """Place boxes in rows by depth; within a row, they are ordered by the mean centre of their sources."""
    rows: dict[int, list[int]] = defaultdict(list)
    for index, box in enumerate(drawn):
        rows[box.depth].append(index)
    widest = max(map(len, rows.values()))
    positions: dict[int, Position] = {}
    for depth in sorted(rows):
        order = sorted(rows[depth], key=lambda index: (_mean_x(drawn[index], positions), index))
        start = GAP_X + BOX_WIDTH / 2 + (widest - len(order)) * (BOX_WIDTH + GAP_X) / 2
        for column, index in enumerate(order):
            positions[index] = (start + column * (BOX_WIDTH + GAP_X), GAP_Y / 2 + depth * (BOX_HEIGHT + GAP_Y))
    return positions


def _mean_x(box: Box, positions: Mapping[int, Position]) -> float:
    centres = [positions[index][0] for index in box.sources]
    return sum(centres) / len(centres) if centres else 0.0
