"""A table that is printed, and that stands on a page."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table as RichTable


@dataclass(frozen=True)
class Table:
    """Cells by column; the first column is text, the others are figures."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def rich(self) -> RichTable:
        """As it is printed."""
        found = RichTable(title=self.title)
        for place, column in enumerate(self.columns):
            found.add_column(column, justify="right" if place else "left")
        for row in self.rows:
            found.add_row(*row)
        return found

    def markdown(self) -> str:
        """As a page shows it."""
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        return "\n".join([f"**{self.title}**", "", *(f"| {' | '.join(line)} |" for line in lines)])
