"""Rows of a comparison: the scores, gains and verdicts of each design and of its tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import numpy as np

from mtl_nas.comparison.design_result import DesignResult, NetworkCost
from mtl_nas.data import Dataset, Schema
from mtl_nas.diagnosis import Diagnosis
from mtl_nas.errors import ArchitectureError, DataError
from mtl_nas.scoring import Interval, SeedScore, paired_interval, seed_score
from mtl_nas.study import BASELINE


@dataclass(frozen=True)
class Cell:
    """The score of a design for one task or conditional probability.

    Attributes:
        score: Mean of the main metric over seeds; None if the test labels are of one class.
        deviation: Standard deviation over seeds; None for one seed.
        gain: Difference from the mean score of the baseline; None if the baseline does not predict it.
        gain_interval: The gain with its 95 % interval; only for tasks, and not for the baseline itself.
        joint: Whether the tasks were trained together; boosted trees are trained one by one.
    """

    score: float | None
    deviation: float | None
    gain: float | None
    gain_interval: Interval | None = None
    joint: bool = True

    @property
    def verdict(self) -> str:
        """Whether joint training `helped` or `harmed` the task, or is a `tie`; empty if there is no interval.

        Of boosted trees, whether their score is `higher` or `lower` than that of the baseline.
        """
        if self.gain_interval is None:
            return ""
        if self.gain_interval.tie:
            return "tie"
        better, worse = ("helped", "harmed") if self.joint else ("higher", "lower")
        return better if self.gain_interval.low > 0 else worse


@dataclass(frozen=True)
class Row:
    """One design of a comparison, or boosted trees.

    Attributes:
        name: Name of the preset, trial or file; `boosted_trees`.
        cells: Scores by task, followed by those of conditional probabilities.
        score: Mean over tasks of the main metrics, averaged over seeds.
        gain: Mean over tasks of the gains over the baseline.
        against_best: Difference of the score from that of the best design; None for the best design itself.
        cost: Trained parameters, multiply-adds per row, and rows per second of training; None of trees.
        seeds: Number of trainings.
        diagnosis: How the network of the first seed uses what its tasks share; None if it is not known.
    """

    name: str
    cells: dict[str, Cell]
    score: float
    gain: float | None
    against_best: Interval | None
    cost: NetworkCost | None
    seeds: int
    diagnosis: Diagnosis | None = None

    @property
    def verdict(self) -> str:
        """`best`, `tie`, or the difference from the best design."""
        if self.against_best is None:
            return "best"
        return "tie" if self.against_best.tie else f"{self.against_best.difference:+.4f}"


def comparison_rows(designs: Sequence[DesignResult], data: Dataset) -> tuple[Row, ...]:
    """Compare designs with the best one and with the baseline; the best design is the first row, trees never are."""
    _refuse_missing_tasks(designs, data.schema)
    scores = {design.name: seed_scores(design, data, data.schema.task_names) for design in designs}
    if not all(scores.values()):
        raise DataError(f"no task has a score on the test rows of '{data.name}': their labels are all the same")
    means = {name: fmean(seed.score for seed in seeds.values()) for name, seeds in scores.items()}
    networks = [design for design in designs if design.cost is not None]
    best = max(networks, key=lambda design: (*_choice(design), means[design.name]))
    baseline = next(design for design in designs if design.name == BASELINE)
    baseline_scores = {task: seed_scores(baseline, data, [task]) for task in data.schema.task_names}
    rows = []
    for design in designs:
        gains = {} if design is baseline else _gain_intervals(design, baseline_scores, data)
        cells = _cells(design, baseline, gains, data.schema)
        task_gains = [cell.gain for head, cell in cells.items() if head in baseline_scores and cell.gain is not None]
        rows.append(
            Row(
                name=design.name,
                cells=cells,
                score=means[design.name],
                gain=fmean(task_gains) if task_gains else None,
                against_best=None if design is best else paired(scores[design.name], scores[best.name]),
                cost=design.cost,
                seeds=len(design.scores),
                diagnosis=design.diagnosis,
            )
        )
    return tuple(sorted(rows, key=lambda row: (row.name != best.name, -row.score)))


def _choice(design: DesignResult) -> tuple[bool, bool, float]:
    """A sort key by the choice of a run on other rows than the test rows: its best design, then other finalists."""
    return design.chosen, design.choosing_score is not None, design.choosing_score or 0.0


def _refuse_missing_tasks(designs: Sequence[DesignResult], schema: Schema) -> None:
    for design in designs:
        missing = [task for task in schema.task_names if task not in design.predictions[0]]
        if missing:
            raise ArchitectureError(f"'{design.name}' predicts no '{missing[0]}'; designs are compared on every task")


def seed_scores(design: DesignResult, data: Dataset, tasks: Sequence[str]) -> dict[int, SeedScore]:
    """The mean score over the tasks by seed; empty if no task has a score."""
    origins = [task.origin for task in data.schema.tasks]
    labels = data.rows("test").labels.astype(np.float64) + origins
    scores = {
        seed: seed_score(predictions, labels, data.schema, tasks)
        for seed, predictions in zip(design.seeds, design.predictions, strict=True)
    }
    return {seed: score for seed, score in scores.items() if score is not None}


def paired(scores: Mapping[int, SeedScore], other: Mapping[int, SeedScore]) -> Interval:
    """The difference on the seeds of both designs; designs without a common seed are paired in their order."""
    common = [seed for seed in scores if seed in other]
    if not common:
        return paired_interval(list(scores.values()), list(other.values()))
    return paired_interval([scores[seed] for seed in common], [other[seed] for seed in common])


def _gain_intervals(
    design: DesignResult, baseline_scores: Mapping[str, Mapping[int, SeedScore]], data: Dataset
) -> dict[str, Interval]:
    scores = {task: seed_scores(design, data, [task]) for task in baseline_scores}
    return {task: paired(scores[task], other) for task, other in baseline_scores.items() if scores[task] and other}


def _cells(
    design: DesignResult, baseline: DesignResult, gains: Mapping[str, Interval], schema: Schema
) -> dict[str, Cell]:
    heads = design.scores[0]
    tasks = [task for task in schema.task_names if task in heads]
    conditional = [head for head in heads if head not in schema.task_names]
    cells = {}
    for head in (*tasks, *conditional):
        metric = schema.task_of(head)[0].main_metric
        values = _defined(design, head, metric)
        baseline_values = _defined(baseline, head, metric)
        cells[head] = Cell(
            score=fmean(values) if values else None,
            deviation=stdev(values) if len(values) > 1 else None,
            gain=fmean(values) - fmean(baseline_values) if values and baseline_values else None,
            gain_interval=gains.get(head),
            joint=design.cost is not None,
        )
    return cells


def _defined(design: DesignResult, head: str, metric: str) -> list[float]:
    """The metric of a head per seed, where the design has the head and the metric is defined."""
    return [value for scores in design.scores if head in scores and (value := scores[head][metric]) is not None]
