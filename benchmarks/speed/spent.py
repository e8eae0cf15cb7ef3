"""What the kept runs of searches come to: the time to a score, and the time beside training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Kept = Mapping[str, Any]


@dataclass(frozen=True)
class Reached:
    """When a side's best score so far was first at least the wanted one; None where it never was."""

    seconds: float | None
    core_seconds: float | None
    best: float
    trials: int
    whole: float  # seconds in all
    whole_core: float


def ended_with(tuned: Sequence[Kept]) -> float:
    """The best score of trials after their last epoch, as Optuna reports it."""
    return max(trial["scores"][-1] for trial in tuned if trial["state"] == "COMPLETE")


def reached(trials: Sequence[Kept], wanted: float) -> Reached:
    """Of trials with ``seconds``, ``core_seconds`` and ``scores`` in the order in which they ended.

    >>> found = reached([{"seconds": 5, "core_seconds": 4, "scores": [0.7]},
    ...                  {"seconds": 9, "core_seconds": 8, "scores": [0.8, 0.9]}], 0.85)
    >>> found.seconds, found.best, found.whole
    (9, 0.9, 9)
    """
    first = next((trial for trial in trials if trial["scores"] and max(trial["scores"]) >= wanted), None)
    best = max(score for trial in trials for score in trial["scores"])
    took = (None, None) if first is None else (first["seconds"], first["core_seconds"])
    return Reached(*took, best, len(trials), trials[-1]["seconds"], trials[-1]["core_seconds"])


def of_search(search: Kept) -> list[Kept]:
    """Our jobs in the form of ``reached``; finalists are no trials."""
    return [{**job, "scores": [job["score"]]} for job in search["jobs"] if job["score"] is not None]


def first_row(search: Kept) -> float:
    """Seconds from the call to the first trained row: until the first job ended, less what it took."""
    return search["jobs"][0]["seconds"] - search["jobs"][0]["worked"]


def beside(search: Kept) -> float:
    """Worker seconds that a further trial takes beside its work, between the ends of the first and the last."""
    trials = [job for job in search["jobs"] if job["score"] is not None]
    wall = trials[-1]["seconds"] - trials[0]["seconds"]
    return (search["workers"] * wall - sum(job["worked"] for job in trials[1:])) / (len(trials) - 1)


def share(search: Kept, part: str) -> float:
    """Of workers x wall time: ``stepped``, in training steps; ``worked``, in jobs with all that they prepare."""
    return sum(job[part] for job in search["jobs"]) / (search["workers"] * search["seconds"])


def trials_an_hour(found: Reached) -> float:
    """Over the whole time of a side."""
    return 3600 * found.trials / found.whole


def middle(values: Sequence[float]) -> tuple[float, str]:
    """The median, and the least and the largest as text."""
    return median(values), f"{min(values):,.3g}-{max(values):,.3g}"
