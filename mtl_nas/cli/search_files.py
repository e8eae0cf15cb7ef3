"""``mtl-search init`` and ``mtl-search encode``: search files, and encoded tables."""

import sys
import textwrap
from pathlib import Path
from typing import Any

import yaml

from mtl_nas.cli.notes import note, notes_are_shown
from mtl_nas.data import (
    KINDS,
    TableReport,
    beside_search_file,
    encode_table,
    profile_lines,
    report_on_table,
    suggestion_lines,
)
from mtl_nas.errors import MtlNasError
from mtl_nas.files import write_whole
from mtl_nas.terminal import print_line

HEADER = """\
# What a search is over. Everything below was inferred from the table and can be changed.
#   mtl-search check {name}     validates it and estimates time and memory
#   mtl-search run {name}       searches
# Task kinds: {kinds}. A funnel: `after: click` (1 only where click is 1).
# A sample space: `where: click`. Splits: {{time: column}}, {{group: column}}, {{column: split}}, {{test: file}},
# {{folds: 5}} (cross-validation, for some hundred rows).
"""
SUGGESTED = "# The labels and columns suggest what follows. Where you agree, move it into the keys of that name.\n"


def write_search_file(table: Any, tasks: list[str], ignore: list[str], to: Path) -> None:
    """Print the profile of a table, and write a search file with all that can be inferred from it."""
    if to.exists():
        raise MtlNasError(f"'{to}' exists already; give another --to")
    report = report_on_table(table, tasks, ignore=ignore or None)
    declared = beside_search_file(report.declaration, table, to.parent.absolute())
    tree = declared.tree() | {"space": "everything", "search": {"trials": 30, "seed": 0}}
    source = _yaml({"data": tree.pop("data")})
    header = HEADER.format(name=to, kinds=", ".join(KINDS))
    write_whole(to, f"{header}{_problem(report)}\n{source}{_suggestions(report)}{_yaml(tree)}".encode())
    if notes_are_shown():
        print_line("\n".join(profile_lines(report.profile)) + "\n")
    note(f"  {line}" for line in report.notes)
    if report.problem is not None:
        print_line(f"mtl-search: note: as it stands, the file is refused: {report.problem}", file=sys.stderr)
    print_line(f"wrote {to}; next: mtl-search check {to}")


def write_encoded(table: Any, tasks: list[str] | None, ignore: list[str] | None, to: Path) -> None:
    """Encode the table into the folder."""
    data = encode_table(table, to, tasks, ignore=ignore)
    note(f"  {line}" for line in data.notes)
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in data.encoded.items())
    print_line(f"wrote {to}: rows {sizes}; next: mtl-search check {to}")


def _yaml(tree: object) -> str:
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120, default_flow_style=False)
    return text


def _problem(report: TableReport) -> str:
    """A comment that says why the file is refused as it stands."""
    if report.problem is None:
        return ""
    lines = textwrap.wrap(f"As it stands, this file is refused: {report.problem}", 116, break_on_hyphens=False)
    return "#\n" + "".join(f"# {line}\n" for line in lines)


def _suggestions(report: TableReport) -> str:
    """Comments with what the user may want to declare."""
    lines = suggestion_lines(report.profile.suggestions, 114)
    return SUGGESTED + textwrap.indent("\n".join(lines) + "\n", "#   ") if lines else ""
