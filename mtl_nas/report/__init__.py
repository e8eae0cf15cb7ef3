"""The report of a run: one HTML page with charts, which opens without a network; and its charts one by one.

The functions ``plot_...`` are loaded when they are first used, as only they need the extra.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mtl_nas.report.writing import refuse_missing_extra, report, write_report

if TYPE_CHECKING:
    from mtl_nas.report.plots import plot_comparison as plot_comparison
    from mtl_nas.report.plots import plot_conflicts as plot_conflicts
    from mtl_nas.report.plots import plot_front as plot_front
    from mtl_nas.report.plots import plot_gains as plot_gains
    from mtl_nas.report.plots import plot_gates as plot_gates
    from mtl_nas.report.plots import plot_importance as plot_importance
    from mtl_nas.report.plots import plot_learning as plot_learning
    from mtl_nas.report.plots import plot_search as plot_search

PLOTS = ("comparison", "conflicts", "front", "gains", "gates", "importance", "learning", "search")

__all__ = ["refuse_missing_extra", "report", "write_report"]


def __getattr__(name: str) -> Any:
    """Load a function that plots; an ExportError without the extra."""
    if name.removeprefix("plot_") not in PLOTS or not name.startswith("plot_"):
        raise AttributeError(f"module 'mtl_nas.report' has no attribute '{name}'")
    refuse_missing_extra()
    return getattr(import_module("mtl_nas.report.plots"), name)


def __dir__() -> list[str]:
    return [*globals(), *(f"plot_{name}" for name in PLOTS)]
