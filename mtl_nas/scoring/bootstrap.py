"""Whether one design is better than another: a paired bootstrap over seeds and rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Schema
from mtl_nas.random_streams import BOOTSTRAP_BLOCK_SEED, BOOTSTRAP_SEED
from mtl_nas.scoring.table_scores import task_influence

ROW_BLOCKS = 512  # random blocks of rows that are resampled; as accurate as single rows and a hundred times faster
REPLICATES = 4000
CONFIDENCE = 0.95

Floats = NDArray[np.float64]
Predictions = Mapping[str, Floats]  # by task


@dataclass(frozen=True)
class Interval:
    """A difference of mean scores with the bounds of its 95 % bootstrap interval.

    ``seeds`` is the number of pairs of trainings; of one pair, the interval says nothing of another seed.
    """

    difference: float
    low: float
    high: float
    seeds: int = field(default=0, compare=False)

    @property
    def tie(self) -> bool:
        """Whether the interval contains zero."""
        return self.low <= 0.0 <= self.high


@dataclass(frozen=True)
class SeedScore:
    """The score of one seed, and the influence of each block of rows on it."""

    score: float
    block_influence: Floats  # (ROW_BLOCKS,)

    def __sub__(self, other: "SeedScore") -> "SeedScore":
        return SeedScore(self.score - other.score, self.block_influence - other.block_influence)


def seed_score(
    predictions: Predictions,
    labels: Floats,
    schema: Schema,
    tasks: Sequence[str] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
) -> SeedScore | None:
    """The mean over tasks of the main metric, with the influence of blocks of rows; None where no task has a score.

    Args:
        predictions: as ``predict`` gives them, by task.
        labels: (N, T), NaN where missing.
        schema: the tasks of the columns of ``labels``.
        tasks: the tasks that count; all by default.
        weights: weights of the tasks in the mean instead of ``tasks``; tasks that are not named do not count.
    """
    weights = weights or dict.fromkeys(tasks or schema.task_names, 1.0)
    parts = [
        (weights[task.name], influence)
        for index, task in enumerate(schema.tasks)
        if weights.get(task.name, 0.0) > 0
        and (influence := task_influence(task, np.asarray(predictions[task.name], np.float64), labels[:, index]))
    ]
    if not parts:
        return None
    shares = [weight for weight, _ in parts]
    psi = np.average([influence.psi for _, influence in parts], axis=0, weights=shares)
    block = np.random.default_rng(BOOTSTRAP_BLOCK_SEED).permutation(len(psi)) % ROW_BLOCKS
    score = float(np.average([influence.score for _, influence in parts], weights=shares))
    return SeedScore(score, np.bincount(block, psi, ROW_BLOCKS) / len(psi))


def mean_over_folds(scores: Sequence[SeedScore | None]) -> SeedScore | None:
    """The mean score over the folds in which it is defined; their rows are drawn independently."""
    defined = [score for score in scores if score is not None]
    if not defined:
        return None
    if len(defined) == 1:
        return defined[0]
    apart = ROW_BLOCKS // len(defined)  # rows of small folds fall into different blocks
    influence = np.stack([np.roll(score.block_influence, fold * apart) for fold, score in enumerate(defined)])
    return SeedScore(float(np.mean([score.score for score in defined])), influence.mean(axis=0))


def luck_of_choice(scores: Sequence[SeedScore]) -> float:
    """How much the best of several scores on the same rows is expected to be too high, because it was chosen by them.

    In bootstrap replicates of the rows, the best network of the replicate is compared with its score on all rows
    (Tibshirani and Tibshirani, 2009, do so with the folds of a cross-validation).
    """
    if len(scores) < 2:
        return 0.0
    on_all_rows = np.array([score.score for score in scores])  # (N,)
    influence = np.stack([score.block_influence for score in scores])  # (N, ROW_BLOCKS)
    random = np.random.default_rng(BOOTSTRAP_SEED)
    weights = random.multinomial(ROW_BLOCKS, np.full(ROW_BLOCKS, 1 / ROW_BLOCKS), REPLICATES) - 1.0  # (R, ROW_BLOCKS)
    replicates = on_all_rows + weights @ influence.T  # (R, N)
    best = replicates.argmax(axis=1)
    return float(np.mean(replicates[np.arange(len(best)), best] - on_all_rows[best]))


def paired_interval(scores: Sequence[SeedScore], other_scores: Sequence[SeedScore]) -> Interval:
    """The mean score minus the other mean score, paired by seed and by row; 0 without a pair of seeds."""
    differences = [score - other for score, other in zip(scores, other_scores, strict=False)]
    if not differences:
        return Interval(0.0, 0.0, 0.0)
    by_seed = np.array([difference.score for difference in differences])  # (S,)
    by_block = np.array([difference.block_influence for difference in differences])  # (S, ROW_BLOCKS)
    random = np.random.default_rng(BOOTSTRAP_SEED)
    seeds = len(differences)
    drawn = random.integers(0, seeds, (REPLICATES, seeds))
    counts = np.stack([(drawn == seed).sum(axis=1) for seed in range(seeds)], axis=1) / seeds  # (R, S)
    # resampling S seeds understates their variance by (S - 1) / S
    spread = np.sqrt(seeds / (seeds - 1)) if seeds > 1 else 0.0
    weights = random.multinomial(ROW_BLOCKS, np.full(ROW_BLOCKS, 1 / ROW_BLOCKS), REPLICATES) - 1.0  # (R, ROW_BLOCKS)
    mean = by_seed.mean()
    replicates = mean + spread * (counts @ (by_seed - mean)) + weights @ by_block.mean(axis=0)
    low, high = np.quantile(replicates, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(mean), float(low), float(high), seeds)
