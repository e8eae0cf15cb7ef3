"""Is one design better than another? A paired bootstrap over seeds and rows; a tie where its interval covers zero."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Schema
from mtl_nas.metrics.influence import influence
from mtl_nas.random_streams import BOOTSTRAP_BLOCK_SEED, BOOTSTRAP_SEED

BLOCKS = 512  # rows are drawn in that many random blocks, which is as good and a hundred times faster
REPLICATES = 4000
LEVEL = 0.95

Floats = NDArray[np.float64]
Predictions = Mapping[str, Floats]  # by task


@dataclass(frozen=True)
class Interval:
    """A difference of mean scores, and where 95 % of its bootstrap replicates lie."""

    difference: float
    low: float
    high: float

    @property
    def tie(self) -> bool:
        """Zero lies inside."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class Judged:
    """One seed's score, and the share of each block of rows in it."""

    score: float
    shares: Floats  # (BLOCKS,)

    def __sub__(self, other: "Judged") -> "Judged":
        """The difference on the same rows."""
        return Judged(self.score - other.score, self.shares - other.shares)


def judged(
    predictions: Predictions,
    labels: Floats,
    schema: Schema,
    tasks: Sequence[str] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
) -> Judged | None:
    """The mean score over tasks, of all alike or by their weights, as its sum over blocks of rows.

    None where no task has a score.
    """
    weights = weights or dict.fromkeys(tasks or schema.task_names, 1.0)
    found = {
        task.name: influence(
            task, np.asarray(predictions[task.name], dtype=np.float64), labels[:, schema.task_names.index(task.name)]
        )
        for task in schema.tasks
        if weights.get(task.name, 0.0) > 0
    }
    known = [(weights[name], *part) for name, part in found.items() if part is not None]
    if not known:
        return None
    shares = [weight for weight, _, _ in known]
    psi = np.average([psi for _, _, psi in known], axis=0, weights=shares)
    block = np.random.default_rng(BOOTSTRAP_BLOCK_SEED).permutation(len(psi)) % BLOCKS
    return Judged(
        float(np.average([score for _, score, _ in known], weights=shares)), np.bincount(block, psi, BLOCKS) / len(psi)
    )


def interval(one: Sequence[Judged], other: Sequence[Judged]) -> Interval:
    """One's mean score minus the other's, paired by seed and by row; without any score, nothing tells them apart."""
    pairs = list(zip(one, other, strict=False))
    if not pairs:
        return Interval(0.0, 0.0, 0.0)
    scores = np.array([a.score - b.score for a, b in pairs])  # (S,)
    shares = np.array([a.shares - b.shares for a, b in pairs])  # (S, BLOCKS)
    draw = np.random.default_rng(BOOTSTRAP_SEED)
    seeds = len(pairs)
    picked = draw.integers(0, seeds, (REPLICATES, seeds))
    counts = np.stack([(picked == seed).sum(axis=1) for seed in range(seeds)], axis=1) / seeds  # (R, S)
    # resampling S seeds understates their variance by (S - 1) / S
    spread = np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 0.0
    weights = draw.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), REPLICATES) - 1.0  # (R, BLOCKS)
    mean = scores.mean()
    replicates = mean + spread * (counts @ (scores - mean)) + weights @ shares.mean(axis=0)
    low, high = np.quantile(replicates, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(mean), float(low), float(high))
