"""Commands that write files."""

from pathlib import Path
from typing import cast

import yaml
from rich.console import Console

from mtl_nas.data import load_dataset, read_table
from mtl_nas.errors import DataError, ExportError, MtlNasError
from mtl_nas.exports import load_model
from mtl_nas.study import export
from mtl_nas.study.delivery import Format

HEADER = """\
# What a search is over. Everything below was inferred from the table and can be changed.
#   mtl-search check {name}     validates it and estimates time and memory
#   mtl-search run {name}       searches
# Task kinds: binary, multiclass, ordinal, regression, count. A funnel: `after: click` (1 only where click is 1).
# A sample space: `where: click`. Splits: {{time: column}}, {{group: column}}, {{column: split}}, {{test: file}}.
"""


def write_search_file(table: str, tasks: list[str], ignore: list[str], to: Path) -> None:
    """``mtl-search init``."""
    if to.exists():
        raise MtlNasError(f"'{to}' is there already; give another --to")
    data = load_dataset(table, tasks)
    tree = data.declaration.tree() | {"space": "everything", "search": {"trials": 30, "seed": 0}}
    text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120)
    to.write_text(HEADER.format(name=to) + "\n" + text, encoding="utf-8")
    console = Console(stderr=True, emoji=False)
    for note in data.notes:
        console.print(f"  {note}", highlight=False, markup=False)
    print(f"wrote {to}; next: mtl-search check {to}")


def export_model(run: Path, to: Path, trial: int | None, form: str) -> None:
    """``mtl-search export``."""
    if form not in ("torch", "onnx"):
        raise ExportError(f"no format '{form}'; formats: torch, onnx")
    folder = export(run, to, format=cast(Format, form), trial=trial)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    print(f"wrote {folder}: {files}")
    print(f"next: mtl-search predict {folder} rows.parquet --to scores.parquet")


def predict_table(model: Path, table: str, to: Path) -> None:
    """``mtl-search predict``."""
    if to.suffix not in (".csv", ".tsv", ".parquet"):
        raise DataError(f"'{to}' ends in '{to.suffix}'; scores are written as .csv, .tsv or .parquet")
    loaded = load_model(model)
    scores = loaded.predict(read_table(table))
    to.parent.mkdir(parents=True, exist_ok=True)
    if to.suffix == ".parquet":
        scores.to_parquet(to, index=False)
    else:
        scores.to_csv(to, index=False, sep="\t" if to.suffix == ".tsv" else ",")
    print(f"wrote {to}: {len(scores):,} rows, columns {', '.join(map(str, scores.columns))}")
