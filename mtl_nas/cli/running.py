"""Commands that search."""

import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from mtl_nas.cli.healthy import run_lines
from mtl_nas.comparison import compare, tables
from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.errors import RunError
from mtl_nas.record import Standing
from mtl_nas.record.folder import RunFolder
from mtl_nas.study import Resources, Run, resume, search
from mtl_nas.study.search_file import SearchFile

INTERRUPTED = 130


class Lines(logging.Handler):
    """What the package logs, a plain line each on what standard error is at that moment: a live panel takes it over."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it."""
        print(record.getMessage(), file=sys.stderr)


LINES = Lines()


def refuse_run_folder(source: str) -> None:
    """A RunError where a run folder, or its search.yaml, stands in the place of a search file."""
    path = Path(source).parent if Path(source).name == "search.yaml" else Path(source)
    folder = RunFolder(path)
    if folder.exists and folder.record.path.exists():
        raise RunError(f"'{source}' is of a run that was begun; go on with: mtl-search resume {path}")


def run_search(file: SearchFile, given: Mapping[str, object], folder: Path | None, resources: Resources) -> None:
    """``mtl-search run``; what the command line gives wins over the file."""
    settings = file.settings.updated({name: value for name, value in given.items() if value is not None})
    folder = folder or Path("runs") / file.data.name.replace("/", "-")
    _notes(file.data)

    def go() -> Run:
        return search(file.space, file.data, settings, folder=folder, resources=resources, progress=True)

    _finish(go, folder, file.data)


def resume_search(folder: Path, resources: Resources) -> None:
    """``mtl-search resume``."""
    declared = RunFolder(folder).request().data
    data = load_dataset(Declaration.model_validate(declared)) if declared.get("data", {}).get("table") else None
    _finish(lambda: resume(folder, data=data, resources=resources, progress=True), folder, data)


def _finish(go: Callable[[], Run], folder: Path, data: Dataset | None) -> None:
    log = logging.getLogger("mtl_nas")
    log.addHandler(LINES)
    log.setLevel(logging.INFO)
    try:
        run = go()
    except KeyboardInterrupt:
        standing = Standing.of(RunFolder(folder).record)
        scored = [trial for trial in standing.trained if trial.scored]
        print(f"\nstopped: {len(scored)} trials are recorded in {folder}", file=sys.stderr)
        if scored:
            best = max(scored, key=lambda trial: (max(trial.scored), trial.score or 0.0))
            print(f"best so far: {best.name}, mean score {best.score:.4f} at rung {max(best.scored)}", file=sys.stderr)
        print(f"go on with: mtl-search resume {folder}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    assert data is not None
    Console().print(tables(compare([run], data)))
    if len(run.request.settings.objectives) > 1:
        print(f"\nfront: {', '.join(trial.name for trial in run.front(data.schema))}")
    if lines := run_lines(run):
        print("\n" + "\n".join(lines))
    print(f"\nbest: {run.best().name}, written to {run.folder.best}")
    print(f"  chosen because   {run.standing.best.reason}" if run.standing.best else "")
    print(f"  score new rows   mtl-search predict {run.folder.best} rows.parquet --to scores.parquet")
    print(f"  see it           mtl-search show {run.path}")
    print(f"  take it along    mtl-search export {run.path} --to model --format onnx")


def _notes(data: Dataset) -> None:
    console = Console(stderr=True, emoji=False)
    console.print(repr(data), highlight=False, markup=False, soft_wrap=True)
    for note in data.notes:
        console.print(f"  {note}", highlight=False, markup=False, soft_wrap=True, style="dim")
