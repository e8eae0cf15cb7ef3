"""What a search will cost, from a few real steps: before the first trial, not after the tenth."""

import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.design import Design, Training
from mtl_nas.hand_designs import fitting
from mtl_nas.record import Budget, Standing
from mtl_nas.space import Random, SearchSpace
from mtl_nas.study.finalists import HAND_DESIGNS
from mtl_nas.study.progress import units_total
from mtl_nas.training import DivergedError, Fit

STEPS = 12  # of each design that is tried
DRAWS = 4


@dataclass(frozen=True)
class Cost:
    """One design's training."""

    name: str
    parameters: int
    rows_per_second: float
    seconds: float  # of a full training


@dataclass(frozen=True)
class Rehearsal:
    """Costs of the presets and of some draws, and what a search of the budget comes to."""

    costs: tuple[Cost, ...]
    seconds: tuple[float, float]  # of the whole search on that many workers, low and high
    megabytes: float | None  # of this process, which holds what a worker holds; None where the system does not say
    workers: int


def rehearse(space: SearchSpace, data: Dataset, budget: Budget, *, workers: int) -> Rehearsal:
    """Train the presets and some draws for a few batches."""
    space = space.for_schema(data.schema)
    training = space.default().training
    tried = {name: (design, training) for name, design in fitting(data.schema)[0].items()}
    for seed in range(DRAWS):
        drawn = space.resolve(Random(seed))
        tried[f"draw {seed}"] = (drawn.design, drawn.training)
    costs = tuple(_cost(name, design, how, data) for name, (design, how) in tried.items())
    mean = sum(cost.seconds for cost in costs) / len(costs)
    units = units_total(Standing(), budget)
    if budget.trainings is None:  # the best presets and the yardstick are trained as finalists too
        units += min(HAND_DESIGNS + 1, len(costs) - DRAWS) * budget.seeds
    total = units * mean / workers
    return Rehearsal(costs, (0.6 * total, 1.6 * total), _megabytes(), workers)


def _megabytes() -> float | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def _cost(name: str, design: Design, training: Training, data: Dataset) -> Cost:
    architecture = compose(design, data.schema)
    rows = data.rows("train")
    passes, batch = training.work(len(rows))
    few = rows.take(slice(None, STEPS * batch))
    short = training.model_copy(update={"passes": 1.0, "batch_size": batch})
    fit = Fit(architecture, design.losses, short, data.schema, few, data.rows("tuning").take(slice(None, 64)))
    start = time.perf_counter()
    with suppress(DivergedError):  # a search records it and goes on
        fit.advance(1 / STEPS)  # the first step warms up
        fit.advance()
    speed = fit.rows_per_second or len(few) / (time.perf_counter() - start)
    return Cost(name, architecture.parameters, speed, passes * len(rows) / speed)
