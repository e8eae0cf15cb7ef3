"""The rows behind the charts: aggregates of a run and its comparison, never rows of the table."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.comparison import Comparison
from mtl_nas.data import Dataset, Task
from mtl_nas.evaluation import Predictions
from mtl_nas.record import Diagnosis, Trial
from mtl_nas.study import Run
from mtl_nas.study.space_report import SpaceReport

GROUPS = 10  # groups of rows by their prediction, in calibration
BINS = 30  # bars of a histogram
LINES = 20  # decisions in the chart of their importance
SPREAD = 1.96  # standard errors from the mean to an end of a 95 % interval


def differences(comparison: Comparison) -> pd.DataFrame:
    """The difference of every design from the best one, with its interval."""
    rows = []
    for row in comparison.rows:
        interval = row.against_best
        if interval is None:
            rows.append((row.name, 0.0, 0.0, 0.0, "best"))
        else:
            verdict = "tie" if interval.tie else "better" if interval.low > 0 else "worse"
            rows.append((row.name, interval.low, interval.difference, interval.high, verdict))
    return pd.DataFrame(rows, columns=["design", "low", "difference", "high", "verdict"])


def task_gains(comparison: Comparison) -> pd.DataFrame:
    """The gain of every design over the baseline, by task; boosted trees share nothing."""
    rows = [
        (task, row.name, gain.low, gain.difference, gain.high, row.cells[task].verdict)
        for task in comparison.schema.task_names
        for row in comparison.rows
        if row.cost is not None and task in row.cells and (gain := row.cells[task].gain_interval) is not None
    ]
    return pd.DataFrame(rows, columns=["task", "design", "low", "difference", "high", "verdict"])


def trials(run: Run) -> pd.DataFrame:
    """Every trained trial with a score or a failure, in the order of proposal; ``best`` is the best score up to it."""
    rows = []
    for trial in run.state.trained:
        score = trial.score
        if score is None and trial.failed is None:
            continue
        rows.append(
            {
                "trial": trial.number,
                "name": trial.name,
                "score": score,
                "parameters": trial.parameters,
                "macs": trial.macs,
                "outcome": run.outcome(trial),
                "why": _why(trial),
            }
        )
    frame = pd.DataFrame(rows)
    return frame.assign(best=frame["score"].cummax().ffill())


def rungs(run: Run) -> pd.DataFrame:
    """The score of each trial at each rung, against the train rows that it had read."""
    rows = []
    for trial in run.state.trained:
        read = 0
        for _, scored in sorted(trial.scored.items()):
            read += scored.rows
            rows.append((trial.number, trial.name, read, scored.score, run.outcome(trial)))
    return pd.DataFrame(rows, columns=["trial", "name", "rows", "score", "outcome"])


def decisions(report: SpaceReport) -> pd.DataFrame:
    """The effect of each decision of the space on the score, the measurable ones first."""
    rows = [
        {
            "decision": effect.path,
            "difference": effect.difference,
            "low": effect.difference - SPREAD * effect.noise,
            "high": effect.difference + SPREAD * effect.noise,
            "best": f"{effect.groups[0].label} ({effect.groups[0].trials} trials)",
            "worst": f"{effect.groups[-1].label} ({effect.groups[-1].trials} trials)",
            "measurable": effect.measurable,
        }
        for effect in report.effects[:LINES]
    ]
    return pd.DataFrame(rows)


def gate_weights(diagnosis: Diagnosis) -> pd.DataFrame:
    """The mean weight that each gate gives each of its inputs."""
    rows = [
        (f"{', '.join(mixture.tasks)}: {mixture.node}", name, weight)
        for mixture in diagnosis.mixtures
        for name, weight in mixture.weights.items()
    ]
    return pd.DataFrame(rows, columns=["gate", "input", "weight"])


def gradient_cosines(diagnosis: Diagnosis) -> pd.DataFrame:
    """The cosine between the gradients of each pair of tasks."""
    rows = [
        (*pair.tasks, pair.cosine, pair.verdict or "neither") for pair in diagnosis.gradients if pair.cosine is not None
    ]
    return pd.DataFrame(rows, columns=["first", "second", "cosine", "verdict"])


def calibration(predictions: Predictions, data: Dataset) -> pd.DataFrame:
    """Mean prediction and mean label of groups of test rows with similar predictions, by task."""
    rows = [
        (task.name, *group)
        for task, predicted, labels in _predicted_numbers(predictions, data)
        for group in _groups(predicted, labels)
    ]
    return pd.DataFrame(rows, columns=["task", "predicted", "observed", "low", "high", "rows"])


def distributions(predictions: Predictions, data: Dataset) -> pd.DataFrame:
    """Histograms of the predicted probabilities of events, by label."""
    rows = []
    for task, predicted, labels in _predicted_numbers(predictions, data):
        if not task.rules.is_event:
            continue
        edges = np.linspace(predicted.min(), max(predicted.max(), predicted.min() + 1e-9), BINS + 1)
        for code, name in enumerate(task.classes or ("0", "1")):
            counts, _ = np.histogram(predicted[labels == code], edges)
            shares = counts / max(1, counts.sum())
            rows += [
                (task.name, name, start, end, share)
                for start, end, share in zip(edges[:-1], edges[1:], shares, strict=True)
                if share
            ]
    return pd.DataFrame(rows, columns=["task", "label", "start", "end", "share"])


def _predicted_numbers(
    predictions: Predictions, data: Dataset
) -> Iterator[tuple[Task, NDArray[np.float64], NDArray[np.float64]]]:
    """Predictions and labels of the test rows with a label, for tasks that predict one number per row."""
    labels = data.rows("test").labels.astype(np.float64)
    for index, task in enumerate(data.schema.tasks):
        values: Any = predictions.get(task.name)
        if values is None or values.ndim != 1:
            continue
        label = labels[:, index] + task.origin
        valid = ~np.isnan(label)
        if valid.any():
            yield task, np.asarray(values, dtype=np.float64)[valid], label[valid]


def _groups(predicted: NDArray[np.float64], labels: NDArray[np.float64]) -> Iterator[tuple[float, ...]]:
    order = np.argsort(predicted, kind="stable")
    for part in np.array_split(order, min(GROUPS, len(order))):
        mean, error = labels[part].mean(), labels[part].std() / np.sqrt(len(part))
        yield predicted[part].mean(), mean, mean - SPREAD * error, mean + SPREAD * error, len(part)


def _why(trial: Trial) -> str:
    if trial.failed is not None:
        return trial.failed.reason
    if trial.retired is not None:
        return trial.retired.reason
    return trial.stopped.reason if trial.stopped is not None else ""
