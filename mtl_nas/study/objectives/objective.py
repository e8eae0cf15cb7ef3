"""The objectives of a search: the scores of a trial -> one value per aim."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from mtl_nas.errors import RunError
from mtl_nas.record import Finalist, Measured, Scored, Trial
from mtl_nas.settings import COSTS, Aim
from mtl_nas.values import nearest

BASELINE = "single_task"  # the preset against which gains are measured

Result = Scored | Finalist | Measured


@dataclass(frozen=True)
class Objective:
    """The aims of a search, and the main metric of each task.

    An aim is ``mean`` (of the tasks' scores, which orders designs as their mean gain does), ``worst`` (the gain of the
    task that gains least over the single-task design, at the same rung), a task, weights by task, or a cost, which is
    minimised. A RunError is raised for any other aim.
    """

    aims: tuple[Aim, ...] = ("mean",)
    metrics: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = ("mean", "worst", *self.metrics, *COSTS)
        for aim in self.aims:
            for name in [aim] if isinstance(aim, str) else aim:
                if name not in (names if isinstance(aim, str) else self.metrics):
                    hint = nearest(name, names)
                    raise RunError(f"no objective '{name}'{hint}; there are {', '.join(names)}, and weights by task")
            if not isinstance(aim, str) and not (
                aim and all(weight >= 0 for weight in aim.values()) and any(aim.values())
            ):
                raise RunError(f"an objective's weights are not negative and not all zero, got {aim}")
        if not self.qualities:
            raise RunError(f"an objective besides costs is needed, got {list(self.aims)}; add mean")

    @property
    def single(self) -> bool:
        """Whether there is one aim."""
        return len(self.aims) == 1

    @property
    def qualities(self) -> list[Aim]:
        """The aims that are not costs."""
        return [aim for aim in self.aims if aim not in COSTS]

    @property
    def task_weights(self) -> dict[str, float]:
        """Weights by task of the score by which a training chooses its best check; empty if all are equal."""
        if len(self.qualities) > 1 or self.qualities[0] in ("mean", "worst"):
            return {}
        (quality,) = self.qualities
        return {quality: 1.0} if isinstance(quality, str) else dict(quality)

    def values(self, trial: Trial, result: Result, baseline: Result | None) -> tuple[float, ...]:
        """One value per aim, the larger the better; ``baseline``: the baseline's result at the same rung or seed."""
        return tuple(
            -float(getattr(trial, str(aim))) if aim in COSTS else self.quality(aim, result, baseline)
            for aim in self.aims
        )

    def quality(self, aim: Aim, result: Result, baseline: Result | None) -> float:
        """The value of an aim that is no cost."""
        if aim == "mean":
            return result.score
        if aim == "worst":
            gains = [
                score - ((self._main_score(baseline, task) if baseline else None) or 0.0)
                for task in self.metrics
                if (score := self._main_score(result, task)) is not None
            ]
            return min(gains, default=0.0)
        weights = {aim: 1.0} if isinstance(aim, str) else aim
        weighted = [
            (weight, score) for task, weight in weights.items() if (score := self._main_score(result, task)) is not None
        ]
        total = sum(weight for weight, _ in weighted)
        return sum(weight * score for weight, score in weighted) / total if total else 0.0

    def _main_score(self, result: Result, task: str) -> float | None:
        return result.scores.get(task, {}).get(self.metrics[task])
