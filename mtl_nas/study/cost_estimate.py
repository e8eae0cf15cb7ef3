"""What a search will cost, from a few real steps: before the first trial, not after the tenth."""

import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import torch

from mtl_nas.composition import compose
from mtl_nas.data import Dataset
from mtl_nas.design import Design, Proposal, Training
from mtl_nas.errors import DesignError, SpaceError
from mtl_nas.presets import compatible_presets
from mtl_nas.record import Budget, Standing
from mtl_nas.space import Random, SearchSpace
from mtl_nas.study.objectives.limits import excess
from mtl_nas.study.progress import units_total
from mtl_nas.study.schedule.finalists import PRESETS_KEPT
from mtl_nas.training import Fit, FitData, Member, settled

STEPS = 12  # of each design that is tried
TUNING_ROWS = 64
DRAWS, MOST_DRAWS = 4, 40  # that are trained, and of which they are the first that fit


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


def rehearse(
    space: SearchSpace, data: Dataset, budget: Budget, *, workers: int, limits: Mapping[str, float]
) -> Rehearsal:
    """Train the presets and some draws within the limits for a few batches, on one thread as a trial does."""
    space = space.for_schema(data.schema)
    training = space.default().training
    presets = {name: (design, training) for name, design in compatible_presets(data.schema).designs.items()}
    draws = {
        f"draw {number}": (drawn.design, drawn.training) for number, drawn in enumerate(_draws(space, data, limits))
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        costs = tuple(_cost(name, design, how, data) for name, (design, how) in {**presets, **draws}.items())
    finally:
        torch.set_num_threads(threads)
    mean = sum(cost.seconds for cost in costs) / len(costs)
    units = units_total(Standing(), budget)
    if budget.trainings is None:  # the best presets and the baseline are trained as finalists too
        units += min(PRESETS_KEPT + 1, len(presets)) * budget.seeds
    total = units * mean / workers
    return Rehearsal(costs, (0.6 * total, 1.6 * total), _megabytes(), workers)


def _draws(space: SearchSpace, data: Dataset, limits: Mapping[str, float]) -> list[Proposal]:
    """The first draws that fit the data and keep to what can be counted."""
    found: list[Proposal] = []
    for seed in range(MOST_DRAWS):
        with suppress(DesignError, SpaceError):
            drawn = space.resolve(Random(seed))
            if excess(compose(drawn.design, data.schema), limits) is None:
                found.append(drawn)
        if len(found) == DRAWS:
            break
    return found


def _megabytes() -> float | None:
    try:
        import resource  # not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def _cost(name: str, design: Design, training: Training, data: Dataset) -> Cost:
    architecture = compose(design, data.schema)
    rows = data.rows("train")
    epochs, batch_size = training.work(len(rows))
    few = FitData(
        data.schema, rows.take(slice(None, STEPS * batch_size)), data.rows("tuning").take(slice(None, TUNING_ROWS))
    )
    short = training.model_copy(update={"epochs": 1.0, "batch_size": batch_size})
    member = Member(architecture, design.losses, settled(short, architecture, design.losses, few), few)
    fit = Fit(member)
    start = time.perf_counter()
    fit.advance(1 / STEPS)  # the first step warms up
    fit.advance()  # a member that diverges costs as much
    speed = member.rows_per_second or len(few.train) / (time.perf_counter() - start)
    return Cost(name, architecture.parameters, speed, epochs * len(rows) / speed)
