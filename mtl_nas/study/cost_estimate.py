"""Estimates the time and memory of a search from a few real training steps."""

import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import fmean

import torch

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.design import Proposal
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.presets import compatible_presets
from mtl_nas.record import SearchSettings
from mtl_nas.space import Random, SearchSpace
from mtl_nas.study.objectives import excess
from mtl_nas.study.schedule.budget import expected_work
from mtl_nas.study.schedule.finalists import MOST_PRESETS
from mtl_nas.study.search_state import SearchState
from mtl_nas.training import Fit, FitData, Member, settled

STEPS = 12  # training steps of each design
TUNING_ROWS = 64  # rows of its checks
DRAWS = 4  # random designs that are trained
MOST_DRAWS = 40  # random draws, of which the first that are valid are trained
PATIENT = 0.6  # share of its epochs that a training takes before patience ends it (docs/results/portfolio.md)
SPREAD = (0.6, 1.6)  # factors on the estimate, between which the time of a search is expected


@dataclass(frozen=True)
class TrainingCost:
    """The cost of one design."""

    name: str
    parameters: int
    rows_per_second: float
    seconds: float  # estimated, for a full training


@dataclass(frozen=True)
class CostEstimate:
    """Costs of the presets and of some random draws, and of the whole search."""

    costs: tuple[TrainingCost, ...]
    seconds: tuple[float, float]  # wall time of the search on the workers, low and high
    megabytes: float | None  # peak memory of this process, as an estimate of a worker's; None if unknown (Windows)
    workers: int


def estimate_cost(
    space: SearchSpace, data: Dataset, settings: SearchSettings, *, workers: int, limits: Mapping[str, float]
) -> CostEstimate:
    """Train the presets and some random designs within the limits for a few batches, on one thread as trials are."""
    space = space.for_schema(data.schema)
    training = space.default().training
    presets = compatible_presets(data.schema).designs
    proposals = {name: Proposal(design=design, training=training) for name, design in presets.items()}
    proposals |= {f"draw {number}": draw for number, draw in enumerate(_draws(space, data, limits))}
    costs = rehearsed(proposals, data)
    mean = mean_seconds(costs)
    work = expected_work(SearchState(settings))
    if settings.trainings is None and settings.compare == "full":  # the best presets and the baseline are finalists too
        work += min(MOST_PRESETS + 1, len(presets)) * settings.seeds
    low, high = (factor * work * mean / workers for factor in SPREAD)
    return CostEstimate(costs, (low, high), _megabytes(), workers)


def rehearsed(proposals: Mapping[str, Proposal], data: Dataset) -> tuple[TrainingCost, ...]:
    """The cost of each proposal, from a few training steps on one thread, as trials are trained."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return tuple(_cost(name, proposal, data) for name, proposal in proposals.items())
    finally:
        torch.set_num_threads(threads)


def mean_seconds(costs: Sequence[TrainingCost]) -> float:
    """Seconds of a training to its end on average, which patience may bring before its last epoch."""
    return PATIENT * fmean(cost.seconds for cost in costs)


def _draws(space: SearchSpace, data: Dataset, limits: Mapping[str, float]) -> list[Proposal]:
    """The first draws that fit the data and keep to the limits of parameters and macs."""
    draws: list[Proposal] = []
    for seed in range(MOST_DRAWS):
        with suppress(DesignError, SpaceError):
            draw = space.resolve(Random(seed))
            if excess(compose(draw.design, data.schema), limits) is None:
                draws.append(draw)
        if len(draws) == DRAWS:
            break
    return draws


def _megabytes() -> float | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def _cost(name: str, proposal: Proposal, data: Dataset) -> TrainingCost:
    folds, data = len(data.folds), data.folds[0]
    architecture, losses, rows = compose(proposal.design, data.schema), proposal.design.losses, data.rows("train")
    epochs, batch_size = proposal.training.work(len(rows))
    train, tuning = rows.take(slice(None, STEPS * batch_size)), data.rows("tuning").take(slice(None, TUNING_ROWS))
    fit_data = FitData(data.schema, train, tuning)
    short = proposal.training.model_copy(update={"epochs": 1.0, "batch_size": batch_size})
    member = Member(architecture, losses, settled(short, architecture, losses, fit_data), fit_data)
    fit = Fit(member)
    start = time.perf_counter()
    fit.advance(1 / STEPS)  # the first step warms up
    fit.advance()  # a training that diverges takes as long
    speed = member.rows_per_second or len(train) / (time.perf_counter() - start)
    return TrainingCost(name, architecture.parameters, speed, folds * epochs * len(rows) / speed)
