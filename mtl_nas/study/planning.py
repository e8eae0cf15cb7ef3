"""How many trials a search has, if its user says nothing, or says its time alone."""

from dataclasses import dataclass

from mtl_nas.data import Dataset
from mtl_nas.design import Proposal
from mtl_nas.presets import compatible_presets
from mtl_nas.settings import SearchSettings
from mtl_nas.space import SearchSpace
from mtl_nas.study.cost_estimate import mean_seconds, rehearsed
from mtl_nas.study.objectives import BASELINE
from mtl_nas.study.schedule.budget import expected_work
from mtl_nas.study.search_request import portfolio_to_try
from mtl_nas.study.search_state import SearchState

PLANNED_SECONDS = 600.0  # of a search whose user bounds nothing
SPARE = 2.0  # times the trials of the plan where the time bounds the search too, as estimates are rough
FEWEST_TRIALS, MOST_TRIALS = 12, 400
REHEARSED = 3  # proposals of the portfolio that are rehearsed, beside the baseline and the space's default


@dataclass(frozen=True)
class Plan:
    """The trials of a search, and how long they are expected to take."""

    trials: int
    seconds: float  # wall time of the search
    training: float  # seconds of one full training
    workers: int

    def __str__(self) -> str:
        return (
            f"planned: {self.trials} trials, about {_duration(self.seconds)} on {self.workers} "
            f"worker{'s' * (self.workers > 1)}, as a full training takes about {_duration(self.training)}; "
            "--time or --trials plan otherwise"
        )


def plan(space: SearchSpace, data: Dataset, settings: SearchSettings, *, workers: int) -> Plan:
    """Plan the trials of a search for its time, or for ten minutes, from a few training steps of some proposals."""
    training = mean_seconds(rehearsed(_proposals(space, data, settings), data))
    given = settings.time or PLANNED_SECONDS
    trials = FEWEST_TRIALS
    while trials < MOST_TRIALS and _seconds(settings, trials + 1, training, workers) <= given:
        trials += 1
    seconds = min(_seconds(settings, trials, training, workers), settings.time or float("inf"))
    return Plan(trials if settings.time is None else round(SPARE * trials), seconds, training, workers)


def _seconds(settings: SearchSettings, trials: int, training: float, workers: int) -> float:
    return expected_work(SearchState(settings.updated({"trials": trials}))) * training / workers


def _proposals(space: SearchSpace, data: Dataset, settings: SearchSettings) -> dict[str, Proposal]:
    """The baseline, the default of the space, and the first proposals of the portfolio that the search will try."""
    own = space.for_schema(data.schema)
    default = own.default()
    baseline = compatible_presets(data.schema).designs[BASELINE]
    proposals = {BASELINE: Proposal(design=baseline, training=default.training), "default": default}
    first = list(portfolio_to_try(settings, own, data.schema).items())
    return {**proposals, **dict(first[:REHEARSED])}


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
