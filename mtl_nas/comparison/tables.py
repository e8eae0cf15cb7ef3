"""A comparison as tables for a terminal of 80 columns."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mtl_nas.comparison.comparison import Comparison, Row
from mtl_nas.metrics import main_metric

TASKS_A_TABLE = 3


def tables(comparison: Comparison) -> Group:
    """The verdicts, the scores by task, and the differences where two designs are compared."""
    return Group(*_parts(comparison))


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield _verdicts(comparison)
    heads = list(dict.fromkeys(head for row in comparison.rows for head in row.cells))
    tasks = [head for head in heads if head in comparison.schema.task_names]
    for chosen in (tasks, [head for head in heads if head not in tasks]):
        for start in range(0, len(chosen), TASKS_A_TABLE):
            yield Text()
            yield _scores(comparison, chosen[start : start + TASKS_A_TABLE])
    yield Text()
    yield Text(sentence(comparison), style="bold")
    if comparison.differences:
        yield Text("\nWhat differs between the graphs (- first, + second, ~ both):")
        for line in comparison.differences:
            yield Text(f"  {line}")


def sentence(comparison: Comparison) -> str:
    """What the table says, made from its numbers."""
    best, ties = comparison.best, comparison.ties
    if not ties:
        return f"{best.name} is better than every other design here."
    small = min((row for row in comparison.rows if row.name in (best.name, *ties)), key=lambda row: row.parameters)
    advice = (
        f" The smallest of them is {small.name} ({short(small.parameters)} parameters)." if small is not best else ""
    )
    return f"{best.name} ties with {', '.join(ties)}: the test rows cannot tell them apart.{advice}"


def _verdicts(comparison: Comparison) -> Table:
    title = f"Designs on {comparison.data}, test rows, {max(row.seeds for row in comparison.rows)} seeds"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("design", no_wrap=True)
    for name in ("score", "gain", "against the best (95 %)", "params", "rows/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in comparison.rows:
        style = "bold" if row.against_best is None else ""
        cells = (f"{row.score:.4f}", signed(row.gain), _against(row), short(row.parameters), short(row.rows_per_second))
        table.add_row(row.name, *cells, style=style)
    return table


def _against(row: Row) -> str:
    found = row.against_best
    if found is None:
        return "best"
    return f"{'tie' if found.tie else signed(found.difference)} [{signed(found.low)} {signed(found.high)}]"


def _scores(comparison: Comparison, heads: list[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("score ± sd, gain", no_wrap=True)
    for head in heads:
        name = head if head in comparison.schema.task_names else head.partition("|")[0]
        metric = main_metric(comparison.schema.task(name)).upper()
        table.add_column(Text(f"{head} {metric}"), justify="right", overflow="fold")
    for row in comparison.rows:
        table.add_row(row.name, *(_cell(row, head) for head in heads), style="bold" if row.against_best is None else "")
    return table


def _cell(row: Row, head: str) -> str:
    cell = row.cells.get(head)
    if cell is None or cell.score is None:
        return "n/a"
    spread = "" if cell.deviation is None else f" ±{_plain(cell.deviation)}"
    return f"{_plain(cell.score)}{spread} {signed(cell.gain)}".rstrip()


def signed(number: float | None) -> str:
    """A difference with its sign and four digits.

    >>> signed(-0.01234)
    '-.0123'
    """
    return "" if number is None else f"{number:+.4f}".replace("0.", ".", 1)


def _plain(number: float) -> str:
    return f"{number:.4f}".removeprefix("0")


def short(number: float) -> str:
    """A count in few letters.

    >>> short(31_415), short(2_718_281)
    ('31.4k', '2.72M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.0f}"
