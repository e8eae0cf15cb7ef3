"""The profile of a table as a value, which encoded folders hold as JSON."""

from pathlib import Path
from typing import Any, Literal

from mtl_nas.errors import DataError
from mtl_nas.tree_files import read_tree
from mtl_nas.values import Value, parse

PROFILE = "profile.json"  # in an encoded folder

Look = Literal[
    "empty", "row number", "id", "label", "leak", "time", "group", "split", "missing mark", "text", "domain", "history"
]
RISKY: tuple[Look, ...] = ("row number", "label", "missing mark")  # what a search should not meet without a word


class Remark(Value):
    """What a column looks like, in a sentence about it that has no subject: ``is a row number``."""

    look: Look
    text: str


class ColumnFacts(Value):
    """A column of a table.

    Attributes:
        name: name of the column.
        use: category, number, time, sequence, label, ignored, or the rule that reads it: split, group, weight.
        missing: share of the rows without a value.
        levels: number of different values; None for lists and ignored columns.
        capped: there may be more levels, as not all rows or values were counted.
        examples: up to three values, as text.
        remarks: what the column looks like.
    """

    name: str
    use: str
    missing: float = 0.0
    levels: int | None = None
    capped: bool = False
    examples: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()


class Suggestion(Value):
    """A part of a search file that the user may want: ``value`` under the keys of ``path``, and the reason."""

    path: tuple[str, ...]
    value: Any
    reason: str


class TableProfile(Value):
    """Facts on every column of a table, and suggestions for its search file.

    Attributes:
        rows: number of rows, those of a table of test rows included.
        columns: facts by column, in the order of the table.
        suggestions: parts of a search file, in the order of its keys.
    """

    rows: int
    columns: tuple[ColumnFacts, ...]
    suggestions: tuple[Suggestion, ...] = ()

    def column(self, name: str) -> ColumnFacts:
        """The facts on a column; KeyError where the table has no such column."""
        for facts in self.columns:
            if facts.name == name:
                return facts
        raise KeyError(name)

    @property
    def notes(self) -> tuple[str, ...]:
        """One sentence per column that a search should not read without a word."""
        return tuple(
            f"column '{facts.name}' {remark.text}"
            for facts in self.columns
            for remark in facts.remarks
            if remark.look in RISKY
        )


def read_profile(folder: Path) -> TableProfile | None:
    """The profile that an encoded folder holds; None where it holds none, as version 0.1.0 wrote none."""
    path = folder / PROFILE
    return parse(TableProfile, read_tree(path, DataError), str(path), DataError) if path.exists() else None
