"""``mtl-search run`` and ``mtl-search resume``."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtl_nas.cli.notes import note, notes_are_shown
from mtl_nas.cli.signals import STOP
from mtl_nas.cli.space_report import run_lines
from mtl_nas.comparison import compare, tables
from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.record import RunFolder, RunState, layout
from mtl_nas.study import Resources, Run, SearchFile, data_of_run, read_search, resume, search
from mtl_nas.terminal import Terminal, print_line


def open_search(source: Any, tasks: Sequence[str] | None, space: str | None, settings: Mapping[str, Any]) -> SearchFile:
    """Read a search file, a data set or a table; settings of the command line replace those of the file.

    Raises:
        RunError: The source is a run folder, or the search.yaml in one; the message names the command to continue it.
    """
    path = Path(source if isinstance(source, str) else "")
    path = path.parent if path.name == layout.REQUEST else path
    folder = RunFolder(path)
    if isinstance(source, str) and folder.exists and folder.record.path.exists():
        raise RunError(f"'{source}' is of a run that was begun; go on with: mtl-search resume {path}")
    file = read_search(source, tasks=None if tasks is None else list(tasks), space=space)
    return file.model_copy(update={"settings": file.settings.updated(settings)})


def run_folder(data: Dataset, folder: Path | None) -> Path:
    """The folder of a search: the given one, or ``runs/<name of the data set>``."""
    return folder or Path("runs") / data.name.replace("/", "-")


def run_search(file: SearchFile, folder: Path | None, resources: Resources) -> None:
    """Search and print the comparison of the finalists."""
    path = run_folder(file.data, folder)
    note([repr(file.data), *(f"  {line}" for line in file.data.notes)])

    def run() -> Run:
        shown = notes_are_shown()
        return search(file.space, file.data, file.settings, folder=path, resources=resources, progress=shown)

    _finish(run, path, file.data)


def resume_search(folder: Path, resources: Resources) -> None:
    """Continue a search and print the comparison of the finalists."""
    request = RunFolder(folder).request()
    data = data_of_run(folder, request) if request.data.get("data", {}).get("table") else None
    _finish(lambda: resume(folder, data=data, resources=resources, progress=notes_are_shown()), folder, data)


def _finish(run_or_resume: Callable[[], Run], folder: Path, data: Dataset | None) -> None:
    STOP.say = partial(_print_interrupted, folder)
    try:
        run = run_or_resume()
    except KeyboardInterrupt:
        STOP.say_once()
        sys.exit(STOP.exit_code)
    assert data is not None
    Terminal().print(tables(compare([run], data)))
    if len(run.settings.objectives) > 1:
        print_line(f"\nfront: {', '.join(trial.name for trial in run.front())}")
    if lines := run_lines(run):
        print_line("\n" + "\n".join(lines))
    print_line(f"\nbest: {run.best().name}, written to {run.best_folder}")
    print_line(f"  chosen because   {run.reason}")
    print_line(f"  score new rows   mtl-search predict {run.best_folder} rows.parquet --to scores.parquet")
    print_line(f"  see it           mtl-search show {run.path}")
    one_network = len(data.folds) == 1  # several have no common ONNX file
    print_line(f"  take it along    mtl-search export {run.path} --to model{' --format onnx' * one_network}")


def _print_interrupted(folder: Path) -> None:
    state = RunState().after(RunFolder(folder).record)
    scored = [trial for trial in state.trained if trial.scored]
    print_line(f"\nstopped: {len(scored)} trials are recorded in {folder}", file=sys.stderr)
    if scored:
        best = max(scored, key=lambda trial: (max(trial.scored), trial.score or 0.0))
        print_line(f"best so far: {best.name}, mean score {best.score:.4f} at rung {max(best.scored)}", file=sys.stderr)
    print_line(f"go on with: mtl-search resume {folder}", file=sys.stderr)
