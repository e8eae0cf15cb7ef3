"""``mtl-search check``: what is wrong, or what a search will cost."""

import os

from rich.console import Console
from rich.table import Table

from mtl_nas.cli.healthy import size_lines
from mtl_nas.comparison.tables import short
from mtl_nas.presets import compatible_presets
from mtl_nas.space.size_estimate import estimate_size
from mtl_nas.study.cost_estimate import rehearse
from mtl_nas.study.objectives.limits import said, with_default
from mtl_nas.study.search_file import SearchFile


def print_check(file: SearchFile, cpus: int | None) -> None:
    """Data, space, presets, costs."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(repr(file.data))
    for note in file.data.notes:
        console.print(f"  {note}", style="dim")
    space = file.space.for_schema(file.data.schema)
    console.print(f"\nspace {space.name}")
    for line in size_lines(estimate_size(space, file.data.schema)):
        console.print(f"  {line}")
    designs, absent = compatible_presets(file.data.schema)
    inside = [name for name, design in designs.items() if space.contains(design)]
    outside = [name for name in designs if name not in inside]
    console.print(f"  presets in it: {', '.join(inside) or 'none'}")
    if outside:
        console.print(f"  trained beside it: {', '.join(outside)}")
    for name, reason in absent.items():
        console.print(f"  {name}: n/a, {reason}")
    workers = cpus or os.cpu_count() or 1
    limits = with_default(file.settings.limits, space, file.data.schema)
    for line in said(limits):
        console.print(f"  {line}")
    found = rehearse(file.space, file.data, file.settings, workers=workers, limits=limits)
    table = Table(title="\nOne training, from a few real steps", title_justify="left", box=None, pad_edge=False)
    table.add_column("design")
    for name in ("params", "rows/s", "seconds"):
        table.add_column(name, justify="right")
    for cost in found.costs:
        table.add_row(cost.name, short(cost.parameters), short(cost.rows_per_second), f"{cost.seconds:.1f}")
    console.print(table)
    low, high = (_minutes(seconds) for seconds in found.seconds)
    budget = file.settings
    memory = "" if found.megabytes is None else f", {found.megabytes:,.0f} MB a worker"
    work = f"{budget.trials} trials, then {budget.finalists} finalists and the best presets on {budget.seeds} seeds"
    if budget.trainings is not None:
        work = f"{budget.trainings:g} full trainings, finalists included"
    console.print(f"\n{work}: about {low} to {high} on {workers} worker{'s' * (workers > 1)}{memory}")


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
