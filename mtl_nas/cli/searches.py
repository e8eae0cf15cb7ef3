"""``mtl-search run`` and ``mtl-search resume``."""

import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mtl_nas.cli.notes import note, notes_are_shown
from mtl_nas.cli.reports import report_at_the_end
from mtl_nas.cli.signals import STOP
from mtl_nas.comparison import compare, summary
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
    _print_end(run, data)


def _print_end(run: Run, data: Dataset) -> None:
    """The winner and its verdicts, what is in best/ and why, and the next commands."""
    console = Terminal(highlight=False)
    comparison = compare([run], data)
    console.print(summary(comparison))
    if len(run.settings.objectives) > 1:
        _print_wrapped(f"front: {', '.join(trial.name for trial in run.front())}", console.width)
    what = f"the ensemble; its best network is {run.best().name}" if run.takes_ensemble else run.best().name
    print_line(f"\nbest: {what}, written to {run.best_folder}")
    _print_wrapped(f"  chosen because   {run.reason}", console.width)
    print_line(f"  score new rows   mtl-search predict {run.best_folder} rows.parquet --to scores.parquet")
    print_line(f"  see it           mtl-search show {run.path}; all tables: mtl-search compare {run.path}")
    print_line(f"  take it along    mtl-search export {run.path} --to model --format onnx")
    sys.stdout.flush()  # the report takes seconds
    print_line(f"  its report       {report_at_the_end(run, data, comparison)}")


def _print_wrapped(text: str, width: int) -> None:
    print_line(textwrap.fill(text, width, subsequent_indent=" " * 19, break_on_hyphens=False))


def _print_interrupted(folder: Path) -> None:
    state = RunState().after(RunFolder(folder).record)
    scored = [trial for trial in state.trained if trial.scored]
    print_line(f"\nstopped: {len(scored)} trials are recorded in {folder}", file=sys.stderr)
    if state.selected is not None and state.best is None:
        name, score = state.trials[state.selected.number].name, state.selected.score
        best = RunFolder(folder).best
        print_line(f"best so far: {name}, {score:.4f} on the choosing rows, in {best}", file=sys.stderr)
    print_line(f"go on with: mtl-search resume {folder}", file=sys.stderr)
