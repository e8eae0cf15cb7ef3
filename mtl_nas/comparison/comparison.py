"""Designs side by side: scores with their spread, gain over single task, cost, and the word tie where it is one."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
import pandas as pd

from mtl_nas.architecture.difference import differences
from mtl_nas.comparison.contenders import Contender, Contestant, contenders, graph
from mtl_nas.data import Dataset, Schema
from mtl_nas.design import Training
from mtl_nas.errors import ArchitectureError, DataError
from mtl_nas.metrics import main_metric
from mtl_nas.statistics.ties import Interval, interval, judged

YARDSTICK = "single_task"


@dataclass(frozen=True)
class Cell:
    """A task's score for one design: mean and standard deviation over seeds, gain over the yardstick."""

    score: float | None
    deviation: float | None  # None for one seed
    gain: float | None


@dataclass(frozen=True)
class Row:
    """One design."""

    name: str
    cells: dict[str, Cell]  # by head: tasks, then conditional probabilities
    score: float
    gain: float | None  # mean over tasks
    against_best: Interval | None  # None for the best itself
    parameters: int
    operations: int
    rows_per_second: float
    seeds: int

    @property
    def verdict(self) -> str:
        """best, tie, or how much worse."""
        if self.against_best is None:
            return "best"
        return "tie" if self.against_best.tie else f"{self.against_best.difference:+.4f}"


@dataclass(frozen=True)
class Comparison:
    """Rows with the best first; for two designs, what differs between their graphs."""

    data: str
    schema: Schema
    rows: tuple[Row, ...]
    differences: tuple[str, ...] = ()

    @property
    def best(self) -> Row:
        """The first row."""
        return self.rows[0]

    @property
    def ties(self) -> tuple[str, ...]:
        """Designs that the data cannot tell from the best."""
        return tuple(row.name for row in self.rows if row.against_best is not None and row.against_best.tie)

    def frame(self) -> pd.DataFrame:
        """One line a design, for further work."""
        lines = []
        for row in self.rows:
            line: dict[str, object] = {"design": row.name, "score": row.score, "gain": row.gain, "verdict": row.verdict}
            for head, cell in row.cells.items():
                line |= {head: cell.score, f"{head} sd": cell.deviation, f"{head} gain": cell.gain}
            lines.append(line | {"parameters": row.parameters, "rows/s": row.rows_per_second, "seeds": row.seeds})
        return pd.DataFrame(lines)


def compare(
    what: Sequence[Contestant], data: Dataset, *, seeds: int = 3, training: Training | None = None
) -> Comparison:
    """Score runs, presets, designs and architecture files on the test rows, on equal seeds and training.

    The finalists of a run stand for it, with what its final stage measured; the first row of a run is the one that it
    chose on other rows. Designs given here are trained ``seeds`` times, with the run's default training where there
    is a run.
    """
    found = contenders(what, data, seeds=seeds, training=training or Training(), yardstick=YARDSTICK)
    lines = differences(*(graph(one, data) for one in what)) if len(what) == 2 else ()
    return compared(found, data, tuple(lines))


def compared(found: Sequence[Contender], data: Dataset, differences: tuple[str, ...] = ()) -> Comparison:
    """The comparison of contenders that are trained."""
    _refuse_missing_tasks(found, data)
    labels = data.rows("test").labels.astype(np.float64)
    shares = {
        one.name: [part for part in (judged(seed, labels, data.schema) for seed in one.predictions) if part is not None]
        for one in found
    }
    if not all(shares.values()):
        raise DataError(f"no task has a score on the test rows of '{data.name}': their labels are all the same")
    means = {name: fmean(part.score for part in parts) for name, parts in shares.items()}
    best = max(found, key=lambda one: (one.chosen, one.choosing is not None, one.choosing or 0.0, means[one.name]))
    yardstick = next(one for one in found if one.name == YARDSTICK)
    rows = [
        _row(one, yardstick, means, None if one is best else interval(shares[one.name], shares[best.name]), data.schema)
        for one in found
    ]
    rows.sort(key=lambda row: (row.name != best.name, -row.score))
    return Comparison(data.name, data.schema, tuple(rows), differences)


def _refuse_missing_tasks(found: Sequence[Contender], data: Dataset) -> None:
    for one in found:
        missing = [task for task in data.schema.task_names if task not in one.predictions[0]]
        if missing:
            raise ArchitectureError(f"'{one.name}' predicts no '{missing[0]}'; designs are compared on every task")


def _row(
    one: Contender, yardstick: Contender, means: dict[str, float], against: Interval | None, schema: Schema
) -> Row:
    tasks = [name for name in schema.task_names if name in one.scores[0]]
    conditional = [head for head in one.scores[0] if head not in schema.task_names]
    cells = {head: _cell(one, yardstick, head, schema) for head in (*tasks, *conditional)}
    gains = [cell.gain for head, cell in cells.items() if cell.gain is not None and head in schema.task_names]
    return Row(
        name=one.name,
        cells=cells,
        score=means[one.name],
        gain=fmean(gains) if gains else None,
        against_best=against,
        parameters=one.architecture.parameters,
        operations=one.architecture.operations,
        rows_per_second=one.rows_per_second,
        seeds=len(one.seeds),
    )


def _cell(one: Contender, yardstick: Contender, head: str, schema: Schema) -> Cell:
    values = _values(one, head, schema)
    base = _values(yardstick, head, schema) if head in yardstick.scores[0] else []
    return Cell(
        score=fmean(values) if values else None,
        deviation=stdev(values) if len(values) > 1 else None,
        gain=fmean(values) - fmean(base) if values and base else None,
    )


def _values(one: Contender, head: str, schema: Schema) -> list[float]:
    metric = main_metric(schema.task_of(head)[0])
    return [value for scores in one.scores if (value := scores[head][metric]) is not None]
