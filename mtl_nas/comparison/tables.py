"""Tables of a comparison and of diagnoses, for a terminal of 80 columns."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mtl_nas.comparison.comparison import Comparison
from mtl_nas.comparison.rows import Row
from mtl_nas.diagnosis import Diagnosis, summary_lines
from mtl_nas.scoring import Interval

SCORES_WIDTH, GAP, LEAST_WIDTH = 63, 1, 12  # terminal columns for all scores, between scores, and at least for one
LABEL_WIDTH = 20  # terminal columns for the label of a diagnosis line


def tables(comparison: Comparison) -> Group:
    """The verdicts, the scores by task, and for two designs the differences of their graphs."""
    return Group(*_parts(comparison))


def diagnoses(comparison: Comparison) -> Group:
    """The diagnosis of each design; designs from runs of older versions have none."""
    groups = [diagnosed(row.name, row.diagnosis) for row in comparison.rows if row.diagnosis is not None]
    title = Text("\nHow tasks share their networks (first seed, tuning rows):")
    return Group(title, *groups) if groups else Group()


def diagnosed(name: str, diagnosis: Diagnosis) -> Group:
    """The lines of a diagnosis under the name of its network."""
    lines = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    lines.add_column(overflow="fold", max_width=LABEL_WIDTH)
    lines.add_column(overflow="fold")
    for label, text in summary_lines(diagnosis):
        lines.add_row(Text(f"  {label}"), Text(text))
    return Group(Text(name, style="bold"), lines)


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield _verdicts(comparison)
    heads = list(dict.fromkeys(head for row in comparison.rows for head in row.cells))
    tasks = [head for head in heads if head in comparison.schema.task_names]
    for group in (tasks, [head for head in heads if head not in tasks]):
        for columns in _side_by_side(comparison, group):
            yield Text()
            yield _scores(comparison, columns)
    yield Text()
    yield Text(sentence(comparison), style="bold")
    if line := one_seed(comparison):
        yield Text(line)
    if comparison.trees is not None:
        yield Text(trees_sentence(comparison), style="bold")
    if comparison.differences:
        yield Text("\nWhat differs between the graphs (- first, + second, ~ both):")
        for line in comparison.differences:
            yield Text(f"  {line}")


def sentence(comparison: Comparison) -> str:
    """One sentence about the best design and its ties."""
    best, ties = comparison.best, comparison.ties
    networks = [row for row in comparison.rows if row.cost is not None]
    if len(networks) == 1:
        return f"{best.name} stands alone: there is nothing to compare it with."
    better = [row.name for row in networks if row.against_best is not None and row.against_best.low > 0]
    if better:
        return f"{', '.join(better)} better than {best.name} on the test rows; {best.name} was chosen on other rows."
    if not ties:
        return f"{best.name} is better than every other design here."
    sizes = {row.name: row.cost.parameters for row in networks if row.cost and row.name in (best.name, *ties)}
    smallest = min(sizes, key=lambda name: sizes[name])
    size = f"{short(sizes[smallest])} parameters"
    advice = "" if smallest == best.name else f" The smallest of them is {smallest} ({size})."
    return f"{best.name} ties with {', '.join(ties)}: the test rows cannot tell them apart.{advice}"


def trees_sentence(comparison: Comparison) -> str:
    """What boosted trees say of the best design, over all tasks and task by task; empty without trees."""
    if comparison.trees is None:
        return ""
    verdict, best = comparison.trees, comparison.best.name
    word = {"higher": "score higher than", "lower": "score lower than", "tie": "tie with"}[
        _standing(verdict.difference)
    ]
    whole = f"Boosted trees ({verdict.library}, one model per task) {word} {best}: {_interval(verdict.difference)}."
    by_word: dict[str, list[str]] = {"higher": [], "lower": [], "tie": []}
    for task, difference in verdict.tasks.items():
        by_word[_standing(difference)].append(f"{task} ({signed(difference.difference)})")
    parts = [f"{standing}: {', '.join(tasks)}" for standing, tasks in by_word.items() if tasks]
    return f"{whole} By task {'; '.join(parts)}." if len(verdict.tasks) > 1 else whole


def _standing(difference: Interval) -> str:
    if difference.tie:
        return "tie"
    return "higher" if difference.low > 0 else "lower"


def _verdicts(comparison: Comparison) -> Table:
    counts = sorted({row.seeds for row in comparison.rows})
    seeds = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else str(counts[0])
    title = Text(f"Designs on {comparison.data}, test rows, {seeds} seed{'s' * (seeds != '1')}", overflow="fold")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("design", overflow="fold")
    for name in ("seeds", "score", "gain", "against the best (95 %)", "params", "rows/s"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in comparison.rows:
        style = "bold" if row.against_best is None else ""
        cells = (
            str(row.seeds),
            plain(row.score),
            signed(row.gain),
            against(row),
            *(("", "") if row.cost is None else (short(row.cost.parameters), short(row.cost.rows_per_second))),
        )
        table.add_row(Text(row.name), *cells, style=style)
    return table


def _side_by_side(comparison: Comparison, heads: list[str]) -> Iterator[list[str]]:
    """Groups of heads whose columns fit into the terminal beside the names of the designs."""
    columns: list[str] = []
    for head in heads:
        if columns and sum(_width(comparison, column) + GAP for column in (*columns, head)) > SCORES_WIDTH:
            yield columns
            columns = []
        columns.append(head)
    if columns:
        yield columns


def _width(comparison: Comparison, head: str) -> int:
    return max(LEAST_WIDTH, *(len(cell_text(row, head)) for row in comparison.rows))


def against(row: Row) -> str:
    """The difference from the best design, or ``tie``, with its interval."""
    interval = row.against_best
    if interval is None:
        return "best"
    verdict = marked("tie", interval) if interval.tie else marked(signed(interval.difference), interval)
    return f"{verdict} {_bounds(interval)}"


def _interval(interval: Interval) -> str:
    return f"{signed(interval.difference)} {_bounds(interval)}"


def _bounds(interval: Interval) -> str:
    return f"[{signed(interval.low)} {signed(interval.high)}]"


def marked(verdict: str, interval: Interval | None) -> str:
    """A verdict, with a question mark if it comes from one training of each design.

    >>> marked("helped", Interval(0.1, 0.05, 0.15, seeds=1)), marked("helped", Interval(0.1, 0.05, 0.15, seeds=3))
    ('helped?', 'helped')
    """
    return f"{verdict}?" if verdict and interval is not None and interval.seeds == 1 else verdict


def one_seed(comparison: Comparison) -> str:
    """What the question marks mean, or where all figures are of the search's own trainings; empty without any."""
    rows = comparison.rows
    intervals = [row.against_best for row in rows]
    intervals += [cell.gain_interval for row in rows for cell in row.cells.values()]
    if not any(interval is not None and interval.seeds == 1 for interval in intervals):
        return ""
    if comparison.of_search:
        return (
            "? One training of each design, by which the search selected it: scores may be lucky, and another seed may "
            "say otherwise."
        )
    return "? From one seed: another one may say otherwise."


def _scores(comparison: Comparison, heads: list[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("score ± sd, gain", overflow="fold")
    for head in heads:
        metric = comparison.schema.task_of(head)[0].main_metric.upper()
        width = _width(comparison, head)
        table.add_column(Text(f"{head} {metric}"), justify="right", overflow="fold", width=width)
    for row in comparison.rows:
        table.add_row(
            Text(row.name), *(cell_text(row, head) for head in heads), style="bold" if row.against_best is None else ""
        )
    return table


def cell_text(row: Row, head: str) -> str:
    """The score of a design for a task: its spread over seeds, its gain and verdict."""
    cell = row.cells.get(head)
    if cell is None or cell.score is None:
        return "n/a"
    spread = "" if cell.deviation is None else f" ±{plain(cell.deviation)}"
    return " ".join(
        f"{plain(cell.score)}{spread} {signed(cell.gain)} {marked(cell.verdict, cell.gain_interval)}".split()
    )


def signed(number: float | None) -> str:
    """A difference with its sign and four digits; a difference that rounds to zero has no sign.

    >>> signed(-0.01234), signed(-0.00001)
    ('-.0123', '.0000')
    """
    if number is None:
        return ""
    text = f"{number:+.4f}"
    return ("" if float(text) == 0 else text[0]) + text[1:].removeprefix("0")


def plain(number: float) -> str:
    """A score with four digits, without its leading zero.

    >>> plain(0.7431)
    '.7431'
    """
    return f"{number:.4f}".removeprefix("0")


def short(number: float) -> str:
    """A count with three digits and a unit.

    >>> short(31_415), short(2_718_281)
    ('31.4k', '2.72M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g}{letter}"
    return f"{number:.0f}"
