"""Writes a report: contents, charts and the library that draws them, in one HTML file."""

from importlib import import_module, resources
from pathlib import Path
from types import ModuleType

import mtl_nas
from mtl_nas.comparison import compare
from mtl_nas.comparison.run_results import results_of_run
from mtl_nas.data import Dataset
from mtl_nas.errors import ExportError
from mtl_nas.files import write_whole
from mtl_nas.study import Run, data_of_run, load_run

EXTRA = "mtl_nas[report]"
NEEDS = ("altair", "jinja2", "vl_convert")


def write_report(source: Run | str | Path, to: str | Path | None = None, *, data: Dataset | None = None) -> Path:
    """Write the report of a finished run as one HTML file, which opens without a network.

    Args:
        source: A run or its folder.
        to: The file to write; `report.html` in the run folder by default.
        data: The data set of the run, if it came from memory.

    Returns:
        The file.

    Raises:
        RunError: The run is not finished, or was made on other data.
        ExportError: The extra `mtl_nas[report]` is not installed.

    Example:
        >>> import mtl_nas as mn
        >>> mn.write_report("runs/first")  # doctest: +SKIP
    """
    run = source if isinstance(source, Run) else load_run(source)
    run.refuse_unfinished()
    page = report(run, data or data_of_run(run.path, run.request))
    path = Path(to) if to is not None else run.path / "report.html"
    write_whole(path, page.encode())
    return path


def report(run: Run, data: Dataset) -> str:
    """The page of a finished run.

    Raises:
        RunError: The run is not finished, or was made on other data.
        ExportError: The extra `mtl_nas[report]` is not installed.
    """
    _, jinja2, vl_convert = (_library(name) for name in NEEDS)
    from mtl_nas.report.contents import contents

    comparison = compare([run], data)
    best = next(result for result in results_of_run(run, data) if result.chosen)
    page = contents(run, data, comparison, best)
    files = resources.files("mtl_nas.report")
    texts = {name: (files / f"page.{name}").read_text("utf-8") for name in ("html.j2", "css", "js")}
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    html: str = environment.from_string(texts["html.j2"]).render(
        vars(page),
        charts={figure.id: figure.charts for section in page.sections for figure in section.figures},
        style=texts["css"],
        script=texts["js"],
        library=vl_convert.javascript_bundle(),
        version=mtl_nas.__version__,
    )
    return html


def _library(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError:
        raise ExportError(f"a report needs {name}: pip install '{EXTRA}'") from None
