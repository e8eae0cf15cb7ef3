"""The commands of ``mtl-search``: each parses its options and calls one function."""

from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from mtl_nas.cli.notes import set_level
from mtl_nas.cli.options import (
    TABLE,
    Address,
    Cpus,
    Data,
    Database,
    Folder,
    Gpus,
    Ignore,
    Mode,
    ModelFolder,
    ModelFormat,
    Source,
    Space,
    Table,
    Tasks,
    Verbatim,
    choice,
    names,
    table_of,
    with_settings,
)
from mtl_nas.cli.serving import serve

DrawingFormat = Annotated[str, choice("format", ("text", "mermaid", "svg"), help="how to draw")]

app = typer.Typer(
    name="mtl-search",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
SEARCH, MODELS = "Search", "Models"  # panels of --help


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"mtl-search {metadata.version('mtl_nas')}")
        raise typer.Exit


@app.callback()
def mtl_search(
    quiet: Annotated[bool, typer.Option("--quiet", help="Print results, warnings and errors alone.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print details, and tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Search multi-task-learning architectures for a table with several targets."""
    set_level(quiet=quiet, verbose=verbose)


@app.command(rich_help_panel=SEARCH)
def init(
    table: Table,
    tasks: Tasks = None,
    ignore: Ignore = None,
    database: Database = None,
    to: Annotated[Path, typer.Option(help="the file to write")] = Path("search.yaml"),
) -> None:
    """Write a search file with what can be inferred from a table."""
    from mtl_nas.cli.search_files import write_search_file

    write_search_file(table_of(table, database), names(tasks) or [], names(ignore) or [], to)


@app.command(rich_help_panel=SEARCH)
def encode(
    table: Annotated[
        list[str], typer.Argument(metavar="FILE|TABLE...", help="a search file, or a table larger than memory")
    ],
    to: Annotated[Path, typer.Option(help="the folder to write")],
    tasks: Tasks = None,
    ignore: Ignore = None,
    database: Database = None,
) -> None:
    """Encode a large table into a folder, which other commands take as the table."""
    from mtl_nas.cli.search_files import write_encoded

    write_encoded(table_of(table, database), names(tasks), names(ignore), to)


@app.command(rich_help_panel=SEARCH)
@with_settings
def check(
    file: Source,
    tasks: Tasks = None,
    database: Database = None,
    space: Space = None,
    folder: Folder = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    address: Address = None,
    *,
    settings: Mapping[str, Any],
) -> None:
    """Validate a search and estimate its time and memory; takes the options of run."""
    from mtl_nas.cli.cost_report import open_search_to_check, print_check
    from mtl_nas.study import Resources

    search_file = open_search_to_check(table_of(file, database), names(tasks), space, settings)
    print_check(search_file, folder, Resources(cpus=cpus, gpus=gpus, address=address))


@app.command(rich_help_panel=SEARCH)
@with_settings
def run(
    file: Source,
    tasks: Tasks = None,
    database: Database = None,
    space: Space = None,
    folder: Folder = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    address: Address = None,
    *,
    settings: Mapping[str, Any],
) -> None:
    """Search, compare the finalists and write the best model.

    The same command continues a search that was interrupted. Options replace those of the search file.
    """
    from mtl_nas.cli.searches import open_search, run_search
    from mtl_nas.study import Resources

    search_file = open_search(table_of(file, database), names(tasks), space, settings)
    run_search(search_file, folder, Resources(cpus=cpus, gpus=gpus, address=address))


@app.command(rich_help_panel=SEARCH)
def resume(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    cpus: Cpus = None,
    gpus: Gpus = None,
    address: Address = None,
) -> None:
    """Continue a search after Ctrl-C, kill or reboot."""
    from mtl_nas.cli.searches import resume_search
    from mtl_nas.study import Resources

    resume_search(run, Resources(cpus=cpus, gpus=gpus, address=address))


@app.command(rich_help_panel=MODELS)
def show(
    what: Annotated[str, typer.Argument(help="a preset, a space, an architecture file, a model folder, or a run")],
    data: Data = None,
    format: DrawingFormat = "text",
    to: Annotated[Path | None, typer.Option(help="a file; its suffix (.svg, .mmd) decides the format")] = None,
) -> None:
    """Draw an architecture, or print a space."""
    from mtl_nas.cli.drawings import print_drawing

    print_drawing(what, data, format, to)


@app.command(rich_help_panel=MODELS)
def compare(
    what: Annotated[list[str], typer.Argument(help="runs, presets, architecture files")],
    data: Data = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="trainings of each design; those that a run lacks are added to its record"),
    ] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda", show_default="cuda if there is a GPU")] = None,
    trees: Annotated[
        bool | None, typer.Option("--trees/--no-trees", help="boosted trees too", show_default="as the run says")
    ] = None,
) -> None:
    """Compare designs on the test rows: scores per task, gain, ties, cost."""
    from mtl_nas.cli.comparisons import print_comparison

    print_comparison(what, data, seeds=seeds, device=device, trees=trees)


@app.command(rich_help_panel=MODELS)
def report(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    to: Annotated[Path | None, typer.Option(help="the file to write", show_default="report.html in the run")] = None,
) -> None:
    """Write a run's results as one page with charts, which opens without a network."""
    from mtl_nas.report import write_report
    from mtl_nas.terminal import print_line

    print_line(f"wrote {write_report(run, to)}")


@app.command(rich_help_panel=MODELS)
def export(
    run: Annotated[Path, typer.Argument(help="a run folder, or a model folder")],
    to: Annotated[Path, typer.Option(help="the folder to write")],
    trial: Annotated[int | None, typer.Option(min=0, help="number of a trial", show_default="the best")] = None,
    format: ModelFormat = "torch",
) -> None:
    """Write the best model, or a trial, as a PyTorch folder, ONNX, readable source or an exported graph."""
    from mtl_nas.cli.models import export_model

    export_model(run, to, trial, format)


@app.command(rich_help_panel=MODELS)
def predict(
    model: ModelFolder,
    table: Annotated[list[str], typer.Argument(metavar="TABLE...", help=f"rows to score; {TABLE}")],
    to: Annotated[Path, typer.Option(help="the file to write: .csv, .tsv or .parquet")],
    keep: Annotated[str | None, typer.Option(metavar="NAME,...", help="columns to copy beside the scores")] = None,
    processes: Annotated[int, typer.Option(min=1, help="processes that predict, with one thread each")] = 1,
    verbatim: Verbatim = False,
    database: Database = None,
) -> None:
    """Score new rows, batch by batch, at constant memory."""
    from mtl_nas.cli.models import write_predictions

    write_predictions(model, table_of(table, database), to, names(keep) or [], processes, verbatim=verbatim)


app.command(rich_help_panel=MODELS)(serve)


@app.command(rich_help_panel=MODELS)
def adapt(
    model: ModelFolder,
    table: Annotated[
        list[str], typer.Argument(metavar="TABLE...", help="rows with the model's columns and the new labels")
    ],
    task: Annotated[str, typer.Option(help="the new label column, or click@Z for a new group Z of click")],
    mode: Mode = "finetuned",
    like: Annotated[
        str | None, typer.Option(help="the old task whose position it takes", show_default="the first of its kind")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="the folder to write the model to")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="trainings, each beside one from scratch")] = 3,
    database: Database = None,
) -> None:
    """Train a new task or group on a model from few rows."""
    from mtl_nas.cli.models import adapt_model

    adapt_model(model, table_of(table, database), task, mode=mode, like=like, to=to, seeds=seeds)
