"""Figures from the measured searches: the time to a score, and the time beside training.

Not a command: ``report`` imports it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Results = Mapping[str, Any]


@dataclass(frozen=True)
class TimeToScore:
    """When a side's best score first was at least the target; None if it never was."""

    seconds: float | None
    core_seconds: float | None
    best_score: float
    trials: int
    total_seconds: float
    total_core_seconds: float

    @property
    def trials_per_hour(self) -> float:
        return 3600 * self.trials / self.total_seconds


def final_score(tuned: Sequence[Results]) -> float:
    """Return the best score of trials after their last epoch, as Optuna reports it."""
    return max(trial["scores"][-1] for trial in tuned if trial["state"] == "COMPLETE")


def time_to_score(trials: Sequence[Results], target: float) -> TimeToScore:
    """Find when trials reached a score; ``trials`` are in the order in which they ended.

    >>> reached = time_to_score([{"seconds": 5, "core_seconds": 4, "scores": [0.7]},
    ...                          {"seconds": 9, "core_seconds": 8, "scores": [0.8, 0.9]}], 0.85)
    >>> reached.seconds, reached.best_score, reached.total_seconds
    (9, 0.9, 9)
    """
    first = next((trial for trial in trials if trial["scores"] and max(trial["scores"]) >= target), None)
    best_score = max(score for trial in trials for score in trial["scores"])
    times = (None, None) if first is None else (first["seconds"], first["core_seconds"])
    return TimeToScore(*times, best_score, len(trials), trials[-1]["seconds"], trials[-1]["core_seconds"])


def trials_of_search(search: Results) -> list[Results]:
    """Return our jobs in the form that ``time_to_score`` takes, without those of finalists."""
    return [{**job, "scores": [job["score"]]} for job in search["jobs"] if job["score"] is not None]


def seconds_to_first_row(search: Results) -> float:
    """Seconds from the call to the first trained row: the end of the first job less its duration."""
    return search["jobs"][0]["seconds"] - search["jobs"][0]["job_seconds"]


def overhead_per_trial(search: Results) -> float:
    """Worker seconds per trial outside its job, between the ends of the first and the last trial."""
    trials = [job for job in search["jobs"] if job["score"] is not None]
    wall = trials[-1]["seconds"] - trials[0]["seconds"]
    return (search["workers"] * wall - sum(job["job_seconds"] for job in trials[1:])) / (len(trials) - 1)


def share_of_worker_time(search: Results, part: str) -> float:
    """Share of workers x wall time: in jobs (``part`` job_seconds) or in their training steps (step_seconds)."""
    return sum(job[part] for job in search["jobs"]) / (search["workers"] * search["seconds"])


def median_and_spread(values: Sequence[float]) -> tuple[float, str]:
    """Return the median, and the smallest and the largest value as text."""
    return median(values), f"{min(values):,.3g}-{max(values):,.3g}"
