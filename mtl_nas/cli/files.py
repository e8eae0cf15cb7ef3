"""Commands that write files."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pandas as pd
import yaml
from rich.console import Console

from mtl_nas.data import Dataset, load_dataset, read_table
from mtl_nas.data.columns.encoding import named
from mtl_nas.data.pipeline.writer import encode
from mtl_nas.data.tasks.funnel import likely_funnel
from mtl_nas.errors import DataError, ExportError, MtlNasError
from mtl_nas.exports import Format, load_model
from mtl_nas.study import export
from mtl_nas.values import nearest

HEADER = """\
# What a search is over. Everything below was inferred from the table and can be changed.
#   mtl-search check {name}     validates it and estimates time and memory
#   mtl-search run {name}       searches
# Task kinds: binary, multiclass, ordinal, regression, count. A funnel: `after: click` (1 only where click is 1).
# A sample space: `where: click`. Splits: {{time: column}}, {{group: column}}, {{column: split}}, {{test: file}}.
"""
NESTED = "# Labels that are nested in 99 % of the rows or more. If that is a funnel, say under tasks:\n"


def write_search_file(table: str, tasks: list[str], ignore: list[str], to: Path) -> None:
    """``mtl-search init``."""
    if to.exists():
        raise MtlNasError(f"'{to}' is there already; give another --to")
    data = load_dataset(table, tasks, ignore=ignore or None)
    tree = data.declaration.tree() | {"space": "everything", "search": {"trials": 30, "seed": 0}}
    below = Path(tree["data"]["table"])
    if below.is_relative_to(to.parent.absolute()):  # so that the folder can be moved
        tree["data"]["table"] = below.relative_to(to.parent.absolute()).as_posix()
    source = _yaml({"data": tree.pop("data")})
    text = HEADER.format(name=to) + "\n" + source + _proposed_funnel(data, tree["tasks"]) + _yaml(tree)
    to.write_text(text, encoding="utf-8")
    console = Console(stderr=True, emoji=False)
    for note in data.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    print(f"wrote {to}; next: mtl-search check {to}")


def encode_table(table: str, tasks: list[str] | None, ignore: list[str] | None, to: Path) -> None:
    """``mtl-search encode``."""
    data = encode(table, to, tasks, ignore=ignore)
    console = Console(stderr=True, emoji=False)
    for note in data.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    sizes = ", ".join(f"{len(rows):,} {split}" for split, rows in data.encoded.items())
    print(f"wrote {to}: rows {sizes}; next: mtl-search check {to}")


def _yaml(tree: object, *, flow: bool = False) -> str:
    """Blocks; with ``flow`` the innermost mappings and lists each on a line."""
    style = None if flow else False
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120, default_flow_style=style)
    return text


def _proposed_funnel(data: Dataset, tasks: Mapping[str, Mapping[str, object]]) -> str:
    """A comment with what to say under ``tasks`` if it is true; the labels alone cannot tell a funnel from chance."""
    pairs = likely_funnel(data.rows("train").labels, data.schema.tasks)
    said = {later: {**tasks[later], "after": earlier} for later, earlier in pairs.items()}
    return NESTED + textwrap.indent(_yaml(said, flow=True), "#   ") if said else ""


def export_model(run: Path, to: Path, trial: int | None, form: str) -> None:
    """``mtl-search export``."""
    if form not in ("torch", "onnx"):
        raise ExportError(f"no format '{form}'; formats: torch, onnx")
    folder = export(run, to, format=cast(Format, form), trial=trial)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    print(f"wrote {folder}: {files}")
    print(f"next: mtl-search predict {folder} rows.parquet --to scores.parquet")


def predict_table(model: Path, table: str, to: Path, keep: list[str]) -> None:
    """``mtl-search predict``; kept columns come first."""
    if to.suffix not in (".csv", ".tsv", ".parquet"):
        raise DataError(f"'{to}' ends in '{to.suffix}'; scores are written as .csv, .tsv or .parquet")
    loaded = load_model(model)
    rows = named(read_table(table))
    absent = [name for name in keep if name not in rows.columns]
    if absent:
        raise DataError(
            f"--keep names '{absent[0]}', which is no column of the table{nearest(absent[0], rows.columns)}"
        )
    scores = loaded.predict(rows)
    twice = [name for name in keep if name in scores.columns]
    if twice:
        raise DataError(f"--keep names '{twice[0]}', and a prediction has that name too; rename the column")
    scores = pd.concat([rows[list(dict.fromkeys(keep))], scores], axis="columns")
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix == ".parquet":
        scores.to_parquet(to, index=False)
    else:
        scores.to_csv(to, index=False, sep="\t" if to.suffix == ".tsv" else ",")
    print(f"wrote {to}: {len(scores):,} rows, columns {', '.join(map(str, scores.columns))}")
