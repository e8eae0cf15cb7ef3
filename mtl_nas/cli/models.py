"""``mtl-search export``, ``predict`` and ``adapt``: commands on a trained model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mtl_nas.adaptation import Adaptation, Mode
from mtl_nas.cli.notes import note, notes_are_shown
from mtl_nas.exports import Format, Model, load_model, predict_table
from mtl_nas.study import export
from mtl_nas.terminal import Terminal, print_line

MOST_MEANINGS = 12  # binary tasks whose positive label is named
TRAINED = {"frozen": "shared parts frozen", "finetuned": "all parts fine-tuned", "inner": "moved by inner steps"}


def export_model(run: Path, to: Path, trial: int | None, format: str) -> None:
    """Write a model of a run to a folder."""
    folder = export(run, to, format=cast(Format, format), trial=trial)
    files = ", ".join(sorted(path.name for path in folder.iterdir()))
    print_line(f"wrote {folder}: {files}")
    print_line(f"next: mtl-search predict {folder} rows.parquet --to scores.parquet")


def write_predictions(model: Path, table: Any, to: Path, keep: list[str], processes: int, *, verbatim: bool) -> None:
    """Write the predictions for the rows of a table, after copies of the columns to keep."""
    loaded = load_model(model)
    with rows_done() as progress:
        written = predict_table(loaded, table, to, keep=keep, processes=processes, progress=progress, verbatim=verbatim)
    print_line(f"wrote {to}: {written.rows:,} rows, columns {', '.join(written.columns)}")
    if written.formulas:
        note([f"  {written.formulas:,} texts that a spreadsheet would evaluate got an apostrophe; see --verbatim"])
    tasks = [loaded.schema.task(name) for name in loaded.tasks]
    words = [task for task in tasks if task.rules.is_event and task.classes != ("0", "1")]
    note(f"  {task.name}: {task.rules.meaning(task)}" for task in words[:MOST_MEANINGS])


@contextmanager
def rows_done() -> Iterator[Callable[[int], None]]:
    """Yield what shows the number of rows that are done, on a terminal; their total is unknown before the end."""
    columns = (SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn())
    console = Terminal(stderr=True)
    shown = console.is_terminal and notes_are_shown()
    with Progress(*columns, console=console, transient=True, disable=not shown) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda rows: bar.update(task, completed=rows)


def adapt_model(
    model: Path, table: Any, task: str, *, mode: str, like: str | None, to: Path | None, seeds: int
) -> None:
    """Train a model of a new task, print its gain over training from scratch, and write it."""
    adaptation = load_model(model).adapt(table, task, mode=cast(Mode, mode), like=like, seeds=seeds)
    console = Terminal(soft_wrap=True, highlight=False, markup=False)
    for line in adaptation_lines(adaptation):
        console.print(line)
    if to is not None:
        about = f"'{adaptation.task}', adapted from '{adaptation.like}' ({adaptation.mode})."
        adaptation.model.save(to, about=about)
        console.print(f"wrote {to}; score rows: mtl-search predict {to} TABLE --to OUT")


def adaptation_lines(adaptation: Adaptation[Model]) -> list[str]:
    """The scores of the adapted models and those from scratch, and the gain, in words."""
    gain, verdict, metric = adaptation.gain, "tie", adaptation.metric
    if not gain.tie:
        verdict = "better" if gain.difference > 0 else "worse"
    return [
        f"'{adaptation.task}' in the place of '{adaptation.like}', {TRAINED[adaptation.mode]}, "
        f"{adaptation.rows:,} rows to train",
        f"  from the model  {metric} {_scores(adaptation.adapted)}",
        f"  from scratch    {metric} {_scores(adaptation.scratch)}",
        f"  gain {gain.difference:+.4f}, 95 % interval {gain.low:+.4f} to {gain.high:+.4f}: {verdict}",
    ]


def _scores(scores: tuple[float | None, ...]) -> str:
    defined = [score for score in scores if score is not None]
    if not defined:
        return "not defined: one class"
    mean = sum(defined) / len(defined)
    return f"{mean:.4f} (seeds {', '.join(f'{score:.4f}' for score in defined)})"
