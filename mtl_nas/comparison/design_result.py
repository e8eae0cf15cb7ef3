"""A design with the results of its trainings on the test rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mtl_nas.architecture import Architecture
from mtl_nas.data import Dataset
from mtl_nas.design import Design, Losses, Training
from mtl_nas.diagnosis import Diagnosis, diagnose
from mtl_nas.evaluation import Predictions, evaluate_seeds
from mtl_nas.scoring import Scores

OWN_SEED = -1  # stands for the seeds of trainings by searches, of which each has another one


@dataclass(frozen=True)
class NetworkCost:
    """The size of a network and the speed of its training."""

    parameters: int
    macs: int  # multiply-adds per row
    rows_per_second: float


@dataclass(frozen=True)
class DesignResult:
    """A design, the ensemble of a run, or boosted trees, with scores and predictions for the test rows."""

    name: str
    cost: NetworkCost | None  # None of trees
    scores: tuple[Scores, ...]  # per seed; an ensemble has one, trees too
    predictions: tuple[Predictions, ...]  # per seed; ensemble and trees repeat their own, so that seeds can be paired
    seeds: tuple[int, ...]  # of the predictions; designs are paired by them
    chosen: bool = False  # whether its run chose it as the best
    choosing_score: float | None = None  # mean score of a run's design on the choosing rows
    diagnosis: Diagnosis | None = None  # of the first seed; runs of older versions have none

    @property
    def of_search(self) -> bool:
        """Whether its only training is that by which the search selected the design, so that it may be a lucky one."""
        return self.seeds == (OWN_SEED,)


def train_and_test(
    name: str,
    what: Design | Architecture,
    data: Dataset,
    training: Training,
    seeds: Sequence[int],
    *,
    device: str = "cpu",
) -> DesignResult:
    """Train on each seed, score the test rows, and diagnose the network of the first seed."""
    results = evaluate_seeds(what, data, training, seeds, split="test", device=device)
    first = results[0].model.members[0].network  # with folds, the network of the first one
    losses = what.losses if isinstance(what, Design) else Losses()
    return DesignResult(
        name=name,
        cost=NetworkCost(
            first.architecture.parameters,
            first.architecture.macs,
            float(np.median([result.rows_per_second for result in results])),
        ),
        scores=tuple(result.scores for result in results),
        predictions=tuple(result.predictions for result in results),
        seeds=tuple(seeds),
        diagnosis=diagnose(first, data.folds[0].rows("tuning"), data.schema, losses=losses),
    )
