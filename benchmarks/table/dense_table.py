"""The dense table of a data set, and trainings drawn from it.

Not a command: ``python -m benchmarks.table.train`` writes the table, ``simulate`` reads it.

The true score of an architecture is its mean test score over seeds. A training on a fresh seed is the architecture's
mean curve plus noise. The noise is the departure of one seed from the mean curve of an architecture with about the same
curve, at all rungs and on choosing and test rows together, so that it is as large, as skewed and as correlated over a
training as measured, and never used up. Noise is added to log odds, because an AUC of .6 varies more between seeds than
one of .97, and none exceeds 1.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

FOLDER = Path(__file__).parent
LENDERS = 50  # architectures that lend an architecture their noise, itself among them


@dataclass(frozen=True)
class DenseTable:
    """A architectures, R shares of an epoch, T tasks: means over S seeds, and each seed's departure from them."""

    name: str
    keys: tuple[str, ...]
    decisions: tuple[dict[str, int | float], ...]
    tasks: tuple[str, ...]
    shares: tuple[float, ...]
    rows: int  # per epoch
    rows_per_second: float  # training speed, checks included
    curves: NDArray[np.float64]  # (A, R + 2, T) log odds: tuning rows at each share, choosing rows, test rows
    noise: NDArray[np.float64]  # (A, S, R + 2, T) log odds
    true_scores: NDArray[np.float64]  # (A,)
    lenders: NDArray[np.int64]  # (A, LENDERS) indices of the architectures with the nearest curves
    deviation: float  # standard deviation between seeds of a full training's mean tuning score

    def training(self, architecture: int, seed: int) -> NDArray[np.float64]:
        """Return the scores (R + 2, T) of a training of the architecture with that index on a seed."""
        random = np.random.default_rng((architecture, seed))
        lender = self.lenders[architecture, random.integers(self.lenders.shape[1])]
        noise = self.noise[lender, random.integers(self.noise.shape[1])]
        scores: NDArray[np.float64] = expit(self.curves[architecture] + noise)
        return scores

    def regret(self, architecture: int) -> float:
        """Return the best true score minus that of the architecture with that index."""
        return float(self.true_scores.max() - self.true_scores[architecture])


@cache
def read_table(name: str) -> DenseTable:
    """Read the table of a data set, by the data set's name."""
    frame = pd.read_parquet(FOLDER / f"{name.replace('/', '-')}.parquet")
    shares = list(dict.fromkeys(column.rpartition(" tuning ")[2] for column in frame if " tuning " in column))
    tasks = [column.removesuffix(" test") for column in frame if column.endswith(" test")]
    keys = list(dict.fromkeys(frame["key"]))
    seeds = len(frame) // len(keys)
    measurements = (*(f"tuning {share}" for share in shares), "choosing", "test")
    columns = [[f"{task} {measurement}" for task in tasks] for measurement in measurements]
    scores = np.stack([frame[group].to_numpy(np.float64) for group in columns], axis=1)  # (A S, R + 2, T)
    scores = scores.reshape(len(keys), seeds, *scores.shape[1:])
    log_odds = logit(scores)
    curves = log_odds.mean(axis=1)
    flat = curves.reshape(len(keys), -1)
    distances = ((flat[:, None] - flat[None]) ** 2).sum(axis=-1)
    full_trainings = scores[:, :, len(shares) - 1].mean(axis=-1)  # (A, S)
    return DenseTable(
        name=name,
        keys=tuple(keys),
        decisions=tuple(json.loads(text) for text in frame["decisions"][::seeds]),
        tasks=tuple(tasks),
        shares=tuple(map(float, shares)),
        rows=int(frame["rows"].iloc[0]),
        rows_per_second=float((frame["rows"] / frame["seconds"]).median()),
        curves=curves,
        noise=(log_odds - curves[:, None]) * np.sqrt(seeds / (seeds - 1)),
        true_scores=scores[:, :, -1].mean(axis=(1, 2)),
        lenders=distances.argsort(axis=1)[:, :LENDERS],
        deviation=float(np.sqrt(full_trainings.var(axis=1, ddof=1).mean())),
    )
