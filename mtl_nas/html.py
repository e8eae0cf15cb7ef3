"""Small pieces of HTML by which values show themselves in notebooks.

Every text is escaped, and colours are those of the page around, so that light and dark themes can be read.
"""

from collections.abc import Iterable, Sequence
from html import escape

MOST_ROWS = 12  # of a table that is open; the others are behind a click
NUMBER = "text-align:right;font-variant-numeric:tabular-nums"


def paragraph(text: str) -> str:
    """A line of text.

    >>> paragraph("a < b")
    '<p style="margin:.3em 0">a &lt; b</p>'
    """
    return f'<p style="margin:.3em 0">{escape(text)}</p>'


def heading(title: str, rest: str = "") -> str:
    """What is shown, in bold, and more of it on the same line."""
    return f'<p style="margin:.3em 0"><b>{escape(title)}</b> {escape(rest)}</p>'


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, texts: int = 1) -> str:
    """A table whose first columns, as many as ``texts`` says, are aligned left; rows beyond a dozen fold away."""
    cells = [[escape(cell) for cell in row] for row in rows]
    first, others = cells[:MOST_ROWS], cells[MOST_ROWS:]
    shown = _table([escape(column) for column in columns], first, texts)
    if not others:
        return shown
    more = f"<summary>and {len(others)} more</summary>{_table([escape(column) for column in columns], others, texts)}"
    return f"{shown}<details>{more}</details>"


def folded(title: str, lines: Sequence[str]) -> str:
    """Lines behind a click; nothing without lines."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<details><summary>{escape(title)}</summary><ul>{items}</ul></details>" if lines else ""


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        styles = ["text-align:left"] * texts + [NUMBER] * (len(cells) - texts)
        pairs = zip(cells, styles, strict=False)
        return "<tr>" + "".join(f'<{tag} style="{style}">{cell}</{tag}>' for cell, style in pairs) + "</tr>"

    head, body = line(columns, "th"), "".join(line(row, "td") for row in rows)
    opened = '<div style="overflow-x:auto"><table style="color:inherit">'
    return f"{opened}<thead>{head}</thead><tbody>{body}</tbody></table></div>"
