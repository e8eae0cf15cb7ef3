"""What a search is for: from the scores of a trial to the values that are maximised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from mtl_nas.data import Schema
from mtl_nas.errors import RunError
from mtl_nas.record.events import Finalist, Scored
from mtl_nas.record.state import Standing, Trial
from mtl_nas.settings import COSTS, Aim
from mtl_nas.study.objectives.pareto import fronts, ranked
from mtl_nas.values import nearest

BASELINE = "single_task"
Measured = Scored | Finalist


@dataclass(frozen=True)
class Goal:
    """The aims, and the main metric of each task.

    mean: of the tasks' scores, which orders designs as their mean gain does; worst: the gain of the task that gains
    least over the single-task design at the same rung; a task; weights by task; a cost, which is minimised.
    """

    aims: tuple[Aim, ...] = ("mean",)
    metrics: Mapping[str, str] | None = None  # by task; only "mean" needs none

    @classmethod
    def of(cls, aims: tuple[Aim, ...], schema: Schema) -> "Goal":
        """The goal on this schema; a RunError for what is no aim on it."""
        known = ("mean", "worst", *schema.task_names, *COSTS)
        for aim in aims:
            for name in [aim] if isinstance(aim, str) else aim:
                if name not in (known if isinstance(aim, str) else schema.task_names):
                    hint = nearest(name, known)
                    raise RunError(f"no objective '{name}'{hint}; there are {', '.join(known)}, and weights by task")
            if not isinstance(aim, str) and not (
                aim and all(weight >= 0 for weight in aim.values()) and any(aim.values())
            ):
                raise RunError(f"an objective's weights are not negative and not all zero, got {aim}")
        if not aims or all(aim in COSTS for aim in aims):
            raise RunError(f"an objective besides costs is needed, got {list(aims)}; add mean")
        return cls(aims, {task.name: task.main_metric for task in schema.tasks})

    @property
    def single(self) -> bool:
        """One value, so that designs are in one order."""
        return len(self.aims) == 1

    @property
    def weights(self) -> dict[str, float]:
        """Of the tasks in the score by which a training keeps its best check; empty: all alike."""
        quality = [aim for aim in self.aims if aim not in COSTS]
        if len(quality) > 1 or quality[0] in ("mean", "worst"):
            return {}
        return {quality[0]: 1.0} if isinstance(quality[0], str) else dict(quality[0])

    def values(self, standing: Standing, trial: Trial, rung: int) -> tuple[float, ...]:
        """One number an aim, the larger the better, averaged over the seeds that reached the rung."""
        scored = [one.scored[rung] for one in standing.alike(trial) if rung in one.scored]
        base = standing.trials[standing.presets[BASELINE]].scored if BASELINE in standing.presets else {}
        return tuple(fmean(self._value(aim, trial, one, base.get(rung)) for one in scored) for aim in self.aims)

    def order(self, standing: Standing, trials: Iterable[Trial], rung: int) -> list[Trial]:
        """The best first; all of them reached the rung."""
        there = sorted(trials, key=lambda trial: trial.number)
        return [there[place] for place in ranked([self.values(standing, trial, rung) for trial in there])]

    def far_and_good(self, standing: Standing, trials: Iterable[Trial]) -> list[Trial]:
        """The highest rung first, there the best; scores of different rungs do not compare."""
        there = [trial for trial in trials if trial.scored]
        rungs = sorted({max(trial.scored) for trial in there}, reverse=True)
        return [
            trial
            for rung in rungs
            for trial in self.order(standing, (one for one in there if max(one.scored) == rung), rung)
        ]

    def final_value(self, standing: Standing, trial: Trial, seed: int) -> float:
        """The first aim's value of a finalist on one seed, against the baseline's on the same."""
        return self._final_value(self.aims[0], standing, trial, seed)

    def front(self, standing: Standing, finalists: Iterable[Trial]) -> list[Trial]:
        """The finalists that no other is better than in every aim, by their means over seeds; of one aim the best."""
        there = list(finalists)
        values = [
            tuple(fmean(self._final_value(aim, standing, trial, seed) for seed in trial.finalist) for aim in self.aims)
            for trial in there
        ]
        return [there[place] for place in fronts(values)[0]] if there else []

    def _final_value(self, aim: Aim, standing: Standing, trial: Trial, seed: int) -> float:
        base = standing.trials[standing.presets[BASELINE]].finalist if BASELINE in standing.presets else {}
        return self._value(aim, trial, trial.finalist[seed], base.get(seed))

    def _value(self, aim: Aim, trial: Trial, found: Measured, baseline: Measured | None) -> float:
        if aim == "mean":
            return found.score
        if aim in ("parameters", "macs"):
            return -float(getattr(trial.proposed, str(aim)))
        if aim == "latency_ms":
            return -trial.latency_ms
        if aim == "worst":
            gains = [
                value - ((self._main(baseline, task) if baseline else None) or 0.0)
                for task in self._metrics
                if (value := self._main(found, task)) is not None
            ]
            return min(gains, default=0.0)
        weights = {aim: 1.0} if isinstance(aim, str) else aim
        known = [(weight, value) for task, weight in weights.items() if (value := self._main(found, task)) is not None]
        total = sum(weight for weight, _ in known)
        return sum(weight * value for weight, value in known) / total if total else 0.0

    def _main(self, found: Measured, task: str) -> float | None:
        return found.scores.get(task, {}).get(self._metrics[task])

    @property
    def _metrics(self) -> Mapping[str, str]:
        return self.metrics or {}
