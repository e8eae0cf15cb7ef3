"""Output to a terminal in which names of columns and tasks cannot act: their control characters are shown as text."""

import re
import sys
from collections.abc import Iterator
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# control characters but for tabs and line ends, and those that reverse the direction of writing
_ACTING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""The text with its control characters written as escapes.

    >>> print(visible("\x1b[31mred\x07 \u202eabc"))
    \x1b[31mred\x07 \u202eabc
    """
    return _ACTING.sub(lambda character: ascii(character[0])[1:-1], text)


def print_line(text: str = "", *, file: TextIO | None = None) -> None:
    """Print a text that may hold names of the user's table; to standard output if no file is given."""
    print(visible(text), file=file or sys.stdout)


class Terminal(Console):
    """A console of rich in which control characters of texts are visible; colours and cursors are rich's own."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Yield the segments of what is printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)
