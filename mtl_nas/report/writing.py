"""Writes a report: contents, charts and the library that draws them, in one HTML file."""

from functools import cache
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mtl_nas
from mtl_nas.comparison import Comparison, compare
from mtl_nas.comparison.run_results import results_of_run
from mtl_nas.data import Dataset
from mtl_nas.errors import ExportError
from mtl_nas.files import write_whole
from mtl_nas.record import layout
from mtl_nas.study import Run, data_of_run, load_run

if TYPE_CHECKING:
    from mtl_nas.report.parts import Figure

EXTRA = "mtl_nas[report]"
NEEDS = ("altair", "jinja2", "vl_convert")


def write_report(
    source: Run | str | Path,
    to: str | Path | None = None,
    *,
    data: Dataset | None = None,
    comparison: Comparison | None = None,
) -> Path:
    """Write the report of a finished run as one HTML file, which opens without a network.

    Args:
        source: A run or its folder.
        to: The file to write; `report.html` in the run folder by default.
        data: The data set of the run, if it came from memory.
        comparison: The comparison of the run, if it is there already; made anew if not given.

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
    page = report(run, data or data_of_run(run.path, run.request), comparison)
    path = Path(to) if to is not None else run.path / layout.REPORT
    write_whole(path, page.encode())
    return path


def report(run: Run, data: Dataset, comparison: Comparison | None = None) -> str:
    """The page of a finished run.

    Raises:
        RunError: The run is not finished, or was made on other data.
        ExportError: The extra `mtl_nas[report]` is not installed.
    """
    refuse_missing_extra()
    import jinja2

    from mtl_nas.report.contents import contents

    best = next(result for result in results_of_run(run, data) if result.chosen)
    page = contents(run, data, comparison or compare([run], data), best)
    files = resources.files("mtl_nas.report")
    texts = {name: (files / f"page.{name}").read_text("utf-8") for name in ("html.j2", "css", "js")}
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    html: str = environment.from_string(texts["html.j2"]).render(
        vars(page),
        charts={figure.id: _drawn(figure) for section in page.sections for figure in section.figures},
        style=texts["css"],
        script=texts["js"],
        library=_drawing_library(),
        version=mtl_nas.__version__,
    )
    return html


def _drawn(figure: "Figure") -> dict[str, dict[str, Any]]:
    """The charts of a figure as Vega-Lite specifications, as wide as the page allows."""
    fit = {"type": "fit-x", "contains": "padding"}
    return {
        title: chart.properties(width="container", autosize=fit).to_dict() for title, chart in figure.charts.items()
    }


@cache
def _drawing_library() -> str:
    """The JavaScript that draws charts, which takes seconds to put together."""
    import vl_convert

    library: str = vl_convert.javascript_bundle(None)  # type: ignore[arg-type]  # its default
    return library


def refuse_missing_extra() -> None:
    """Raise ExportError if a library that reports need is not installed."""
    for name in NEEDS:
        try:
            import_module(name)
        except ImportError:
            raise ExportError(f"a report needs {name}: pip install '{EXTRA}'") from None
