"""``mtl-search``: each command parses, calls one function of the library, prints."""

import re
from pathlib import Path
from typing import Annotated

import typer

NAME = re.compile(r'\s*(?:"((?:[^"]|"")+)"\s*|([^,]*))(?:,|\Z)')

app = typer.Typer(
    name="mtl-search",
    help="Search multi-task-learning architectures for a table with several targets.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Source = Annotated[
    str, typer.Argument(metavar="FILE|DATASET|TABLE", help="search.yaml, a built-in data set, or a table")
]
Tasks = Annotated[
    str | None, typer.Option("--tasks", help="label columns of a table, in the funnel's order: click,buy")
]
Space = Annotated[str | None, typer.Option("--space", help="a built-in space or a .yaml file")]
Cpus = Annotated[
    int | None, typer.Option("--cpus", min=1, help="trials side by side, one core each; all cores if not given")
]
Gpus = Annotated[float | None, typer.Option("--gpus", min=0, help="GPUs to share among the trials")]
Address = Annotated[str | None, typer.Option("--address", help="a Ray cluster: auto, or host:port")]
Data = Annotated[str | None, typer.Option("--data", help="the data set: a name, a search.yaml; a run knows its own")]


@app.command()
def init(
    table: Annotated[str, typer.Argument(help="CSV, TSV, Parquet, or a folder of Parquet")],
    tasks: Tasks = None,
    ignore: Annotated[str | None, typer.Option("--ignore", help="columns that are empty or leak a label: a,b")] = None,
    to: Annotated[Path, typer.Option("--to", help="the file to write")] = Path("search.yaml"),
) -> None:
    """Write a search.yaml with what can be inferred from a table."""
    from mtl_nas.cli.files import write_search_file

    write_search_file(table, _names(tasks) or [], _names(ignore) or [], to)


@app.command()
def encode(
    table: Annotated[str, typer.Argument(metavar="FILE|TABLE", help="search.yaml, or a table larger than memory")],
    to: Annotated[Path, typer.Option("--to", help="the folder to write")],
    tasks: Tasks = None,
    ignore: Annotated[str | None, typer.Option("--ignore", help="columns that are empty or leak a label: a,b")] = None,
) -> None:
    """Encode a table into a folder that is read where it lies: run, check and compare take it as a table."""
    from mtl_nas.cli.files import encode_table

    encode_table(table, _names(tasks), _names(ignore), to)


@app.command()
def check(file: Source, tasks: Tasks = None, space: Space = None, cpus: Cpus = None) -> None:
    """Validate a search and rehearse it: space, presets, a dry run, time and memory."""
    from mtl_nas.cli.checking import print_check
    from mtl_nas.cli.running import refuse_run_folder
    from mtl_nas.study.search_file import read_search

    refuse_run_folder(file)
    print_check(read_search(file, tasks=_names(tasks), space=space), cpus)


@app.command()
def run(
    file: Source,
    tasks: Tasks = None,
    space: Space = None,
    trials: Annotated[int | None, typer.Option("--trials", min=1, help="proposals to train, presets included")] = None,
    trainings: Annotated[
        float | None, typer.Option("--trainings", help="the work in full trainings, finalists included, not trials")
    ] = None,
    time: Annotated[str | None, typer.Option("--time", help="bound on the whole: 90s, 30m, 2h")] = None,
    objective: Annotated[
        str | None,
        typer.Option("--objective", help="mean, worst, a task; several, or parameters, latency_ms: a front"),
    ] = None,
    limit: Annotated[list[str] | None, typer.Option("--limit", help="parameters=2e6, macs=, latency_ms=")] = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="auto, tpe, evolution, local, nsga2, random")] = None,
    presets: Annotated[str | None, typer.Option("--presets", help="tried first: mmoe,ple or none; not all")] = None,
    ensemble: Annotated[
        bool | None, typer.Option("--ensemble", help="average the best finalists too", show_default=False)
    ] = None,
    start: Annotated[Path | None, typer.Option("--from", help="a run whose trials are taken over")] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0)] = None,
    folder: Annotated[
        Path | None, typer.Option("--folder", help="the run folder; runs/<data set> if not given")
    ] = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    address: Address = None,
) -> None:
    """Search; ends with the finalists' table, best/ and the next command. The same command goes on after a break."""
    from mtl_nas.cli.running import refuse_run_folder, run_search
    from mtl_nas.study import Resources
    from mtl_nas.study.search_file import read_search

    given = {
        **{"trials": trials, "trainings": trainings, "time": time, "seed": seed, "sampler": sampler},
        **{"objectives": _names(objective), "limits": _limits(limit), "start": start and str(start)},
        "ensemble": ensemble,
        "presets": [] if presets == "none" else _names(presets),
    }
    refuse_run_folder(file)
    file_ = read_search(file, tasks=_names(tasks), space=space)
    run_search(file_, given, folder, Resources(cpus=cpus, gpus=gpus, address=address))


@app.command()
def resume(
    run: Annotated[Path, typer.Argument(help="a run folder")],
    cpus: Cpus = None,
    gpus: Gpus = None,
    address: Address = None,
) -> None:
    """Go on with a search after Ctrl-C, kill or reboot."""
    from mtl_nas.cli.running import resume_search
    from mtl_nas.study import Resources

    resume_search(run, Resources(cpus=cpus, gpus=gpus, address=address))


@app.command()
def show(
    what: Annotated[str, typer.Argument(help="a preset, a space, an architecture file, a model folder, or a run")],
    data: Data = None,
    format: Annotated[str, typer.Option("--format", help="text, mermaid or svg")] = "text",
    to: Annotated[Path | None, typer.Option("--to", help="a file; its suffix (.svg, .mmd) decides the format")] = None,
) -> None:
    """Draw an architecture, or print a space."""
    from mtl_nas.cli.showing import print_shown

    print_shown(what, data, format, to)


@app.command()
def compare(
    what: Annotated[list[str], typer.Argument(help="runs, presets, architecture files")],
    data: Data = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="trainings of each design that no run has trained")] = 3,
    device: Annotated[str | None, typer.Option("--device", help="cpu, cuda; the GPU where there is one")] = None,
) -> None:
    """Scores by task with their spread, gain over single task, ties, cost."""
    from mtl_nas.cli.showing import print_comparison

    print_comparison(what, data, seeds, device)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="a run folder, or a model folder")],
    to: Annotated[Path, typer.Option("--to", help="the folder to write")],
    trial: Annotated[int | None, typer.Option("--trial", min=0, help="this trial instead of the best")] = None,
    format: Annotated[str, typer.Option("--format", help="torch or onnx")] = "torch",
) -> None:
    """Write the best model, or a trial, as a PyTorch folder or as ONNX."""
    from mtl_nas.cli.files import export_model

    export_model(run, to, trial, format)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="a model folder: best/ of a run, or an export")],
    table: Annotated[str, typer.Argument(help="rows to score: CSV, TSV, Parquet")],
    to: Annotated[Path, typer.Option("--to", help=".csv, .tsv or .parquet")],
    keep: Annotated[str | None, typer.Option("--keep", help="columns to copy beside the scores: id")] = None,
) -> None:
    """Score new rows."""
    from mtl_nas.cli.files import predict_table

    predict_table(model, table, to, _names(keep) or [])


@app.command()
def adapt(
    model: Annotated[Path, typer.Argument(help="a model folder: best/ of a run, or an export")],
    table: Annotated[str, typer.Argument(help="rows with the model's columns and the new labels")],
    task: Annotated[str, typer.Option("--task", help="the new label column, or click@Z for a new group's clicks")],
    mode: Annotated[
        str, typer.Option("--mode", help="shared parts: finetuned, frozen, or inner (steps)")
    ] = "finetuned",
    like: Annotated[str | None, typer.Option("--like", help="the old task whose place it takes")] = None,
    to: Annotated[Path | None, typer.Option("--to", help="the folder to write the model to")] = None,
    seeds: Annotated[int, typer.Option("--seeds", min=1, help="trainings, each beside one from scratch")] = 3,
) -> None:
    """A new task or a new group from few rows, on an exported model."""
    from mtl_nas.cli.adapting import adapt_model

    adapt_model(model, table, task, mode=mode, like=like, to=to, seeds=seeds)


def _limits(texts: list[str] | None) -> dict[str, str] | None:
    """``name=number`` each; what is no number is said where the value is read."""
    if not texts:
        return None
    return {name.strip(): number.strip() for name, _, number in (text.partition("=") for text in texts)}


def _names(text: str | None) -> list[str] | None:
    """Names between commas; one that holds a comma stands in quotes."""
    if text is None:
        return None
    found = [quoted.replace('""', '"') or plain.strip() for quoted, plain in NAME.findall(text)]
    return [name for name in found if name]
