"""The scores of a check on the tuning rows, and the error of a training that diverged."""

from dataclasses import dataclass

from mtl_nas.errors import MtlNasError
from mtl_nas.scoring import Scores


class DivergedError(MtlNasError):
    """The loss or a prediction is no longer finite."""


@dataclass(frozen=True)
class Check:
    """Scores on the tuning rows at one step.

    Attributes:
        step: Training steps done.
        rows: Train rows read so far; each epoch counts all of them again.
        score: Weighted mean over tasks of the main metric.
        scores: Every metric of every task.
    """

    step: int
    rows: int
    score: float
    scores: Scores


Outcome = Check | DivergedError  # the best check of a member, or why it has none
