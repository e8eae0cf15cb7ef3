"""The state of a run with its settings and objective, from which decisions follow."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import fmean

from mtl_nas.design import Precision
from mtl_nas.record import Finalist, Measured, NetworkName, Request, RunState, SearchSettings, Trial
from mtl_nas.study.jobs import training_seed
from mtl_nas.study.objectives import BASELINE, Objective
from mtl_nas.study.objectives.pareto import fronts, ranked

Values = tuple[float, ...]  # one per objective, the larger the better


@dataclass
class SearchState(RunState):
    """The settings of a search, and the state after some events.

    ``precision`` replaces ``auto`` in all trainings of the run, also after a resume.
    """

    settings: SearchSettings
    objective: Objective = field(default_factory=Objective)
    presets: tuple[str, ...] = ()  # in the order in which they are tried
    full_rows: int = 1  # rows of one full training
    precision: Precision = "float32"
    gpus: int = 0  # number of GPUs; with any, jobs may be trained in stacks
    portfolio: tuple[str, ...] = ()  # proposals that are tried early, in their order

    @classmethod
    def of(
        cls, request: Request, *, presets: Iterable[str] = (), portfolio: Iterable[str] = (), full_rows: int = 1
    ) -> "SearchState":
        """The state of a search that has no events yet."""
        objective = Objective(request.settings.objectives, request.metrics)
        return cls(
            request.settings,
            objective,
            presets=tuple(presets),
            portfolio=tuple(portfolio),
            full_rows=full_rows,
            precision=request.precision,
        )

    @property
    def baseline(self) -> Trial | None:
        """The trial against which gains are measured, once it is proposed."""
        return self.trials.get(self.by_origin.get(f"preset:{BASELINE}", -1))

    def values(self, trial: Trial, rung: int) -> Values:
        """The trial's values at a rung, averaged over all seeds of its proposal that reached the rung."""
        baseline = self.baseline.scored.get(rung) if self.baseline else None
        results = [same.scored[rung] for same in self.same_proposal(trial) if rung in same.scored]
        return _means(self.objective.values(trial, result, baseline) for result in results)

    def final_values(self, trial: Trial, seed: int) -> Values:
        """The values of a finalist on one seed; gains are over the baseline on the same seed."""
        baseline = self.baseline.finalist.get(seed) if self.baseline else None
        return self.objective.values(trial, trial.finalist[seed], baseline)

    def ordered(self, trials: Iterable[Trial], rung: int) -> list[Trial]:
        """Trials that reached a rung, the best first."""
        by_number = sorted(trials, key=lambda trial: trial.number)
        return [by_number[index] for index in ranked([self.values(trial, rung) for trial in by_number])]

    def furthest_first(self, trials: Iterable[Trial]) -> list[Trial]:
        """Trials with a score, the highest rung first, as scores of different rungs do not compare; then the best."""
        by_rung: dict[int, list[Trial]] = {}
        for trial in trials:
            if trial.scored:
                by_rung.setdefault(max(trial.scored), []).append(trial)
        return [trial for rung in sorted(by_rung, reverse=True) for trial in self.ordered(by_rung[rung], rung)]

    def front(self) -> list[Trial]:
        """The finalists that no other finalist dominates, by means over seeds; with one objective, the best."""
        finalists = self.finalists
        values = [_means(self.final_values(trial, seed) for seed in trial.finalist) for trial in finalists]
        return [finalists[index] for index in fronts(values)[0]] if finalists else []

    @property
    def highest_rung(self) -> int:
        """The highest rung at which a network is stored; -1 if there is none."""
        trials = self.trials.values()
        return max((rung for trial in trials for rung, scored in trial.scored.items() if scored.choosing), default=-1)

    def networks_of(self, trial: Trial) -> dict[NetworkName, Measured | Finalist]:
        """The stored networks of a trial, and their results on the choosing rows."""
        last, seed = len(self.settings.rungs) - 1, training_seed(self.settings.seed, trial.proposed)
        own = {
            NetworkName(trial.number, seed, None if rung == last else rung): scored.choosing
            for rung, scored in trial.scored.items()
            if scored.choosing is not None
        }
        return {**own, **{NetworkName(trial.number, each.seed): each for each in trial.finalist.values()}}

    def network_value(self, trial: Trial, result: Measured | Finalist) -> float:
        """The first objective's value of a network on the choosing rows, by which ``best/`` is chosen."""
        return self.objective.values(trial, result, self.reference)[0]

    @property
    def reference(self) -> Measured | Finalist | None:
        """The result of the baseline's most trained network on the choosing rows, for gains over it."""
        if self.objective.aims[0] != "worst" or self.baseline is None:
            return None
        stored = self.networks_of(self.baseline)
        furthest = max(stored, key=lambda name: math.inf if name.rung is None else name.rung, default=None)
        return None if furthest is None else stored[furthest]

    def settled(self, trial: Trial) -> bool:
        """Whether the search, before its finalists, trains the trial no further."""
        last = len(self.settings.rungs) - 1
        return trial.failed is not None or trial.stopped is not None or last in trial.scored


def _means(values: Iterable[Values]) -> Values:
    return tuple(map(fmean, zip(*values, strict=True)))
