"""``mtl-search init`` and ``mtl-search encode``: search files, and encoded tables."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mtl_nas.cli.notes import note
from mtl_nas.data import KINDS, Dataset, beside_search_file, encode_table, likely_funnel, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.files import write_whole

HEADER = """\
# What a search is over. Everything below was inferred from the table and can be changed.
#   mtl-search check {name}     validates it and estimates time and memory
#   mtl-search run {name}       searches
# Task kinds: {kinds}. A funnel: `after: click` (1 only where click is 1).
# A sample space: `where: click`. Splits: {{time: column}}, {{group: column}}, {{column: split}}, {{test: file}},
# {{folds: 5}} (cross-validation, for some hundred rows).
"""
NESTED = "# Labels that are nested in 99 % of the rows or more. If that is a funnel, say under tasks:\n"


def write_search_file(table: Any, tasks: list[str], ignore: list[str], to: Path) -> None:
    """Write a search file with all that can be inferred from the table."""
    if to.exists():
        raise MtlNasError(f"'{to}' exists already; give another --to")
    data = load_dataset(table, tasks, ignore=ignore or None)
    declared = beside_search_file(data.declaration, table, to.parent.absolute())
    tree = declared.tree() | {"space": "everything", "search": {"trials": 30, "seed": 0}}
    source = _yaml({"data": tree.pop("data")})
    text = (
        HEADER.format(name=to, kinds=", ".join(KINDS))
        + "\n"
        + source
        + _proposed_funnel(data, tree["tasks"])
        + _yaml(tree)
    )
    write_whole(to, text.encode())
    note(f"  {line}" for line in data.notes)
    print(f"wrote {to}; next: mtl-search check {to}")


def write_encoded(table: Any, tasks: list[str] | None, ignore: list[str] | None, to: Path) -> None:
    """Encode the table into the folder."""
    data = encode_table(table, to, tasks, ignore=ignore)
    note(f"  {line}" for line in data.notes)
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in data.encoded.items())
    print(f"wrote {to}: rows {sizes}; next: mtl-search check {to}")


def _yaml(tree: object, *, flow: bool = False) -> str:
    """YAML in block style; with ``flow``, innermost mappings and lists are on one line each."""
    style = None if flow else False
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120, default_flow_style=style)
    return text


def _proposed_funnel(data: Dataset, tasks: Mapping[str, Mapping[str, object]]) -> str:
    """A comment that declares the likely funnel; the user decides, as labels may be nested by coincidence."""
    pairs = likely_funnel(data.rows("train").labels, data.schema.tasks)
    declared = {later: {**tasks[later], "after": earlier} for later, earlier in pairs.items()}
    return NESTED + textwrap.indent(_yaml(declared, flow=True), "#   ") if declared else ""
