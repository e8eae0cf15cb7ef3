"""``mtl-search check``: a report on a search before it is run."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from mtl_nas.cli.searches import open_search, run_folder
from mtl_nas.cli.space_report import size_lines
from mtl_nas.comparison.tables import short
from mtl_nas.composition import numbers_by_group
from mtl_nas.data import Schema, TableNotFoundError, profile_lines, report_on_table
from mtl_nas.design import NumberGroups
from mtl_nas.errors import DataError, MtlNasError
from mtl_nas.presets import compatible_presets
from mtl_nas.record import RunFolder
from mtl_nas.settings import SearchSettings
from mtl_nas.space import SearchSpace
from mtl_nas.space.size_estimate import estimate_size
from mtl_nas.study import CostEstimate, Resources, SearchFile, estimate_cost, limit_sentences, limits_with_default, plan
from mtl_nas.terminal import Terminal, print_line
from mtl_nas.trees import installed_libraries

MOST_NAMES = 8  # numbers that a line lists


def open_search_to_check(
    source: Any, tasks: Sequence[str] | None, space: str | None, settings: Mapping[str, Any]
) -> SearchFile:
    """Open a search as ``run`` does; before a refused table's error is raised, the profile of the table is printed."""
    try:
        return open_search(source, tasks, space, settings)
    except TableNotFoundError:
        raise
    except DataError:
        try:
            profile = report_on_table(source, None if tasks is None else list(tasks)).profile
        except MtlNasError:
            profile = None  # the table or its labels cannot be read: the first error says so
        if profile is not None:
            print_line("\n".join(profile_lines(profile)) + "\n")
        raise


def print_check(file: SearchFile, folder: Path | None, resources: Resources) -> None:
    """Print the data, the space and its presets, and the time and memory that the search will take."""
    console = Terminal(highlight=False, markup=False, emoji=False)
    console.print(repr(file.data))
    for line in file.data.notes:
        console.print(f"  {line}", style="dim")
    if file.data.profile is not None:
        console.print("\n" + "\n".join(profile_lines(file.data.profile)), soft_wrap=True)
    space = file.space.for_schema(file.data.schema)
    limits = limits_with_default(file.settings.limits, space, file.data.schema)
    console.print(f"\nspace {space.name}")
    for line in (*_space_lines(space, file.data.schema), *limit_sentences(limits)):
        console.print(f"  {line}")
    if file.settings.trees:
        libraries = ", ".join(f"{library.name} {library.version}" for library in installed_libraries())
        console.print(f"  the finalists are compared with boosted trees, one model per task: {libraries}")
    path = run_folder(file.data, folder)
    if RunFolder(path).exists:
        console.print(f"  run folder {path} holds a search: the same search continues, another one is refused")
    workers = resources.cpus or os.cpu_count() or 1
    settings = file.settings.updated({"limits": limits})
    if settings.is_unplanned:
        planned = plan(file.space, file.data, settings, workers=workers)
        settings = settings.updated({"trials": planned.trials})
        console.print(f"  {planned}")
    estimate = estimate_cost(file.space, file.data, settings, workers=workers, limits=limits)
    console.print(_cost_table(estimate))
    console.print(f"\n{_total(settings, estimate)}")


def _space_lines(space: SearchSpace, schema: Schema) -> Iterator[str]:
    yield from size_lines(estimate_size(space, schema))
    designs, reasons = compatible_presets(schema)
    inside = [name for name, design in designs.items() if space.contains(design)]
    outside = [name for name in designs if name not in inside]
    yield from _number_lines(schema)
    yield f"presets in it: {', '.join(inside) or 'none'}"
    if outside:
        yield f"trained beside it: {', '.join(outside)}"
    for name, reason in reasons.items():
        yield f"{name}: n/a, {reason}"


def _number_lines(schema: Schema) -> Iterator[str]:
    """A line per group of numbers, with its names and its encodings under ``numbers: auto``."""
    defaults = NumberGroups()
    for group, names in numbers_by_group(schema).items():
        encodings = getattr(defaults, group)
        listed = ", ".join(names[:MOST_NAMES]) + (f" and {len(names) - MOST_NAMES} more" * (len(names) > MOST_NAMES))
        words = encodings if isinstance(encodings, str) else " + ".join(encodings)
        yield f"{group} numbers, auto encodes them as {words}: {listed}"


def _cost_table(estimate: CostEstimate) -> Table:
    table = Table(title="\nOne training, from a few real steps", title_justify="left", box=None, pad_edge=False)
    table.add_column("design")
    for name in ("params", "rows/s", "seconds"):
        table.add_column(name, justify="right")
    for cost in estimate.costs:
        table.add_row(cost.name, short(cost.parameters), short(cost.rows_per_second), f"{cost.seconds:.1f}")
    return table


def _total(settings: SearchSettings, estimate: CostEstimate) -> str:
    comparison = {
        "none": "no comparison on fresh seeds",
        "quick": "then a comparison within a third of the work",
        "full": f"then {settings.finalists} finalists and the best presets on {settings.seeds} seeds",
    }
    work = (
        f"{settings.trials} trials, {comparison[settings.compare]}"
        if settings.trainings is None
        else f"{settings.trainings:g} full trainings, the comparison included"
    )
    low, high = (_duration(seconds) for seconds in estimate.seconds)
    workers = f"{estimate.workers} worker{'s' * (estimate.workers > 1)}"
    memory = "" if estimate.megabytes is None else f", {estimate.megabytes:,.0f} MB a worker"
    return f"{work}: about {low} to {high} on {workers}{memory}"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
