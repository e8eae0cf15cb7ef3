"""The dense table of a data set, and trainings drawn from it.

Truth is known: an architecture's mean test score over its seeds. A training on a fresh seed is the architecture's mean
curve and what one seed of an architecture with about the same curve was above or below its own mean, at every rung, on
choosing and on test rows together. So noise is as large, as skewed and as correlated over a training as it was, and
never used up. It is added to log odds: an AUC of .6 moves further from seed to seed than one of .97; none exceeds 1.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

HERE = Path(__file__).parent
NEAR = 50  # architectures that lend an architecture their noise, itself among them


@dataclass(frozen=True)
class DenseTable:
    """A architectures, R shares of one pass, T tasks: means over seeds, and each seed's departure from them."""

    name: str
    keys: tuple[str, ...]
    decisions: tuple[dict[str, int | float], ...]
    tasks: tuple[str, ...]
    shares: tuple[float, ...]
    rows: int  # of a pass
    rows_per_second: float  # of training, evaluation included
    curves: NDArray[np.float64]  # (A, R + 2, T) log odds: tuning rows at each share, choosing rows, test rows
    noise: NDArray[np.float64]  # (A, S, R + 2, T) log odds
    truth: NDArray[np.float64]  # (A,)
    lenders: NDArray[np.int64]  # (A, NEAR) the nearest by their curves
    deviation: float  # of a full training's mean tuning score over seeds

    def training(self, architecture: int, seed: int) -> NDArray[np.float64]:
        """Scores (R + 2, T) of a training on that seed."""
        draw = np.random.default_rng((architecture, seed))
        lender = self.lenders[architecture, draw.integers(self.lenders.shape[1])]
        found: NDArray[np.float64] = expit(
            self.curves[architecture] + self.noise[lender, draw.integers(self.noise.shape[1])]
        )
        return found


@cache
def read(name: str) -> DenseTable:
    """The table of a data set, by the data set's name."""
    found = pd.read_parquet(HERE / f"{name.replace('/', '-')}.parquet")
    places = [column.rpartition(" tuning ")[2] for column in found if " tuning " in column]
    shares = list(dict.fromkeys(places))
    tasks = [column.removesuffix(" test") for column in found if column.endswith(" test")]
    keys = list(dict.fromkeys(found["key"]))
    seeds = len(found) // len(keys)
    columns = [
        [f"{task} {place}" for task in tasks] for place in (*(f"tuning {s}" for s in shares), "choosing", "test")
    ]
    values = np.stack([found[group].to_numpy(np.float64) for group in columns], axis=1)  # (A S, R + 2, T)
    values = values.reshape(len(keys), seeds, *values.shape[1:])
    odds = logit(values)
    curves = odds.mean(axis=1)
    flat = curves.reshape(len(keys), -1)
    apart = ((flat[:, None] - flat[None]) ** 2).sum(axis=-1)
    last = values[:, :, len(shares) - 1].mean(axis=-1)  # (A, S)
    return DenseTable(
        name=name,
        keys=tuple(keys),
        decisions=tuple(json.loads(text) for text in found["decisions"][::seeds]),
        tasks=tuple(tasks),
        shares=tuple(map(float, shares)),
        rows=int(found["rows"].iloc[0]),
        rows_per_second=float((found["rows"] / found["seconds"]).median()),
        curves=curves,
        noise=(odds - curves[:, None]) * np.sqrt(seeds / (seeds - 1)),
        truth=values[:, :, -1].mean(axis=(1, 2)),
        lenders=apart.argsort(axis=1)[:, :NEAR],
        deviation=float(np.sqrt(last.var(axis=1, ddof=1).mean())),
    )
