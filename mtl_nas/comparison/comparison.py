"""Designs side by side: scores with their spread, gain over single task, cost, and the word tie where it is one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from mtl_nas.architecture import differences
from mtl_nas.comparison.contenders import Contender, Contestant, contenders, graph
from mtl_nas.data import Dataset, Schema
from mtl_nas.design import Training
from mtl_nas.diagnosis import Diagnosis
from mtl_nas.errors import ArchitectureError, DataError
from mtl_nas.scoring import Interval, SeedScore, paired_interval, seed_score

BASELINE = "single_task"


@dataclass(frozen=True)
class Cell:
    """A task's score for one design: mean and standard deviation over seeds, gain over the baseline.

    ``gained`` is the gain with its interval: of tasks alone, and not of the baseline itself.
    """

    score: float | None
    deviation: float | None  # None for one seed
    gain: float | None
    gained: Interval | None = None

    @property
    def word(self) -> str:
        """Whether being learned together helped the task, harmed it, or is a tie; empty where there is no interval."""
        if self.gained is None:
            return ""
        return "tie" if self.gained.tie else "helped" if self.gained.low > 0 else "harmed"


@dataclass(frozen=True)
class Row:
    """One design."""

    name: str
    cells: dict[str, Cell]  # by head: tasks, then conditional probabilities
    score: float
    gain: float | None  # mean over tasks
    against_best: Interval | None  # None for the best itself
    parameters: int
    macs: int
    rows_per_second: float
    seeds: int
    diagnosis: Diagnosis | None = None

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
                line |= {f"{head} verdict": cell.word} if head in self.schema.task_names else {}
            lines.append(line | {"parameters": row.parameters, "rows/s": row.rows_per_second, "seeds": row.seeds})
        return pd.DataFrame(lines)


def compare(
    what: Sequence[Contestant],
    data: Dataset,
    *,
    seeds: int = 3,
    training: Training | None = None,
    device: str | None = None,
) -> Comparison:
    """Score runs, presets, designs and architecture files on the test rows, on equal seeds and training.

    The finalists of a run stand for it, with what its final stage measured; the first row of a run is the one that it
    chose on other rows. Designs given here are trained ``seeds`` times, with the run's default training where there
    is a run, on ``device``: the GPU where there is one, unless it is given.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    training = training or Training()
    found = contenders(what, data, seeds=seeds, training=training, baseline=BASELINE, device=device)
    lines = differences(*(graph(one, data) for one in what)) if len(what) == 2 else ()
    return compared(found, data, tuple(lines))


def compared(found: Sequence[Contender], data: Dataset, differences: tuple[str, ...] = ()) -> Comparison:
    """The comparison of contenders that are trained."""
    _refuse_missing_tasks(found, data)
    labels = data.rows("test").labels.astype(np.float64)
    shares = {
        one.name: [
            part for part in (seed_score(seed, labels, data.schema) for seed in one.predictions) if part is not None
        ]
        for one in found
    }
    if not all(shares.values()):
        raise DataError(f"no task has a score on the test rows of '{data.name}': their labels are all the same")
    means = {name: fmean(part.score for part in parts) for name, parts in shares.items()}
    best = max(found, key=lambda one: (one.chosen, one.choosing is not None, one.choosing or 0.0, means[one.name]))
    baseline = next(one for one in found if one.name == BASELINE)
    by_task = {one.name: _by_task(one, labels, data.schema) for one in found}
    rows = [
        _row(
            one,
            baseline,
            means,
            None if one is best else paired_interval(shares[one.name], shares[best.name]),
            {} if one is baseline else _gained(by_task[one.name], by_task[BASELINE]),
            data.schema,
        )
        for one in found
    ]
    rows.sort(key=lambda row: (row.name != best.name, -row.score))
    return Comparison(data.name, data.schema, tuple(rows), differences)


def _refuse_missing_tasks(found: Sequence[Contender], data: Dataset) -> None:
    for one in found:
        missing = [task for task in data.schema.task_names if task not in one.predictions[0]]
        if missing:
            raise ArchitectureError(f"'{one.name}' predicts no '{missing[0]}'; designs are compared on every task")


def _by_task(one: Contender, labels: NDArray[np.float64], schema: Schema) -> dict[str, list[SeedScore]]:
    found = {task: [seed_score(seed, labels, schema, [task]) for seed in one.predictions] for task in schema.task_names}
    return {task: [part for part in parts if part is not None] for task, parts in found.items()}


def _gained(one: Mapping[str, list[SeedScore]], baseline: Mapping[str, list[SeedScore]]) -> dict[str, Interval]:
    return {task: paired_interval(parts, baseline[task]) for task, parts in one.items() if parts and baseline[task]}


def _row(
    one: Contender,
    baseline: Contender,
    means: dict[str, float],
    against: Interval | None,
    gained: Mapping[str, Interval],
    schema: Schema,
) -> Row:
    tasks = [name for name in schema.task_names if name in one.scores[0]]
    conditional = [head for head in one.scores[0] if head not in schema.task_names]
    cells = {head: _cell(one, baseline, head, gained.get(head), schema) for head in (*tasks, *conditional)}
    gains = [cell.gain for head, cell in cells.items() if cell.gain is not None and head in schema.task_names]
    return Row(
        name=one.name,
        cells=cells,
        score=means[one.name],
        gain=fmean(gains) if gains else None,
        against_best=against,
        parameters=one.parameters,
        macs=one.macs,
        rows_per_second=one.rows_per_second,
        seeds=len(one.seeds),
        diagnosis=one.diagnosis,
    )


def _cell(one: Contender, baseline: Contender, head: str, gained: Interval | None, schema: Schema) -> Cell:
    values = _values(one, head, schema)
    base = _values(baseline, head, schema) if head in baseline.scores[0] else []
    return Cell(
        score=fmean(values) if values else None,
        deviation=stdev(values) if len(values) > 1 else None,
        gain=fmean(values) - fmean(base) if values and base else None,
        gained=gained,
    )


def _values(one: Contender, head: str, schema: Schema) -> list[float]:
    metric = schema.task_of(head)[0].main_metric
    return [value for scores in one.scores if (value := scores[head][metric]) is not None]
