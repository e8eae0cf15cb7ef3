"""The end of a search in few lines: the winner and its verdicts first, for a terminal of 80 columns."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mtl_nas.comparison.comparison import Comparison
from mtl_nas.comparison.rows import Row
from mtl_nas.comparison.tables import against, marked, one_seed, plain, sentence, signed, trees_sentence
from mtl_nas.study import BASELINE

MOST_TASKS = 6  # rows of tasks
WIDEST_TASK = 20  # characters of a task that stand in one line
MOST_DESIGNS = 6  # rows of designs, the best one and the baseline among them


def summary(comparison: Comparison) -> Group:
    """The best design per task against the baseline, then the designs, then a sentence on ties."""
    return Group(*_parts(comparison))


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield _tasks(comparison)
    yield _designs(comparison)
    yield Text(sentence(comparison), style="bold")
    if comparison.trees is not None:
        yield Text(trees_sentence(comparison))
    if line := one_seed(comparison):
        yield Text(line)


def _tasks(comparison: Comparison) -> Table:
    best = comparison.best
    baseline = next((row for row in comparison.rows if row.name == BASELINE), None)
    table = Table(box=None, pad_edge=False, title=Text(f"{best.name} on {comparison.data}, test rows"))
    table.title_justify = "left"
    tasks = [task for task in comparison.schema.task_names if task in best.cells]
    table.add_column("task", overflow="fold", min_width=min(max(map(len, tasks), default=0), WIDEST_TASK))
    beside = () if best is baseline else (BASELINE, "gain (95 %)", "joint training")
    for name in ("metric", "score", *beside):
        table.add_column(Text(name, overflow="ellipsis"), justify="right", no_wrap=True)
    for task in tasks[:MOST_TASKS]:
        cell = best.cells[task]
        reference = None if baseline is None else baseline.cells[task].score
        interval = cell.gain_interval
        compared = (
            "n/a" if reference is None else plain(reference),
            "" if interval is None else f"{signed(cell.gain)} [{signed(interval.low)} {signed(interval.high)}]",
            marked(cell.verdict, interval),
        )
        table.add_row(
            Text(task),
            comparison.schema.task_of(task)[0].main_metric.upper(),
            "n/a" if cell.score is None else plain(cell.score),
            *(compared if beside else ()),
        )
    if len(tasks) > MOST_TASKS:
        table.add_row(f"and {len(tasks) - MOST_TASKS} more")
    return table


def _designs(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("design", overflow="fold")
    for name in ("seeds", "mean", "gain", "against the best (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    shown = _shown(comparison.rows)
    for row in shown:
        style = "bold" if row.against_best is None else ""
        table.add_row(Text(row.name), str(row.seeds), plain(row.score), signed(row.gain), against(row), style=style)
    if len(comparison.rows) > len(shown):
        table.add_row(f"and {len(comparison.rows) - len(shown)} more")
    return table


def _shown(rows: tuple[Row, ...]) -> list[Row]:
    """The first rows, and the baseline."""
    baseline = [row for row in rows if row.name == BASELINE]
    first = [row for row in rows if row not in baseline][: MOST_DESIGNS - len(baseline)]
    return [row for row in rows if row in first or row in baseline]
