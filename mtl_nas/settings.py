"""The options of a search: one value that search files, the command line, Python and run folders share."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from mtl_nas.errors import RunError
from mtl_nas.values import Value, parse, renamed

UNITS = {"s": 1, "m": 60, "h": 3600}  # seconds
UNPLANNED_TRIALS = 30
COSTS = ("parameters", "macs", "latency_ms")  # latency: milliseconds of a batch of 256 predictions
OBJECTIVES = ("mean", "worst", *COSTS)  # the aims of a search that are no task

AUTO = "auto"  # the sampler that suits the budget and the objectives
BUILT_IN_SAMPLERS = {  # name -> what it proposes; ``study/samplers`` registers the functions
    "tpe": "Optuna's multivariate, grouped TPE, on the best and the latest observations",
    "evolution": "regularised evolution (Real et al., 2019)",
    "local": "neighbours of the five best (White et al., 2021)",
    "nsga2": "NSGA-II over decisions (Deb et al., 2002)",
    "random": "independent draws from the space",
}
Aim = str | dict[str, float]  # mean, worst, a task, weights by task; parameters, macs, latency_ms


def seconds(value: object) -> object:
    """The seconds that a text such as 90s, 30m or 2h stands for; a number is seconds already.

    >>> seconds("30m")
    1800.0
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip())
    if not match:
        raise ValueError(f"a time is written 90s, 30m or 2h, got '{value}'")
    return float(match[1]) * UNITS[match[2] or "s"]


def _current_limits(limits: Any) -> Any:
    return renamed(limits, "operations", "macs", "limits") if isinstance(limits, dict) else limits or {}


def _positive_limits(limits: dict[str, float]) -> dict[str, float]:
    for name, limit in limits.items():
        if name not in COSTS or limit <= 0:
            raise ValueError(f"limits are positive numbers for {', '.join(COSTS)}, got {name}: {limit:g}")
    return limits


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Limits = Annotated[dict[str, float], BeforeValidator(_current_limits), AfterValidator(_positive_limits)]


class Budget(Value):
    """How much work a search may take, and how the work is divided.

    ``trainings`` bounds the work itself; the number of trials then follows from it, and ``trials`` is not used. Without
    both, a search plans its trials when it begins, for ``time``, or for ten minutes.
    """

    time: Seconds | None = Field(None, description="wall time of the whole search: seconds, or 90s, 30m, 2h")
    trials: int | None = Field(
        None,
        ge=1,
        description="proposals to train, presets included, the comparison not; if not given, what the time or ten "
        "minutes allow",
    )
    trainings: float | None = Field(None, ge=4, description="the work in full trainings, the comparison included")
    rungs: tuple[Annotated[float, Field(gt=0, le=1)], ...] = Field(
        (1 / 9, 1 / 3, 1.0), description="shares of a full training at which trials are compared"
    )
    reduction: float = Field(2.0, gt=1, description="at each rung one trial of this many goes on to the next")
    cohort: int = Field(8, ge=1, description="proposals between two barriers, after the presets")
    promotion: Literal["synchronous", "asynchronous"] = Field(
        "synchronous", description="promote trials at barriers, or as soon as a worker is free"
    )
    pilot: int | None = Field(
        None,
        ge=0,
        description="full trainings of the pilot; a tenth of the work if not given, none in a small search "
        "or with a bound on the time",
    )
    replicates: int = Field(
        1, ge=1, description="trainings of equal proposals before they are answered from the record"
    )
    compare: Literal["none", "quick", "full"] = Field(
        "quick",
        description="how designs are compared on fresh seeds at the end: not at all, within a third of the work, or "
        "all finalists on all seeds",
    )
    finalists: int = Field(5, ge=1, description="searched designs in a full comparison")
    seeds: int = Field(3, ge=1, le=1000, description="fresh seeds of each design in a full comparison")
    racing: bool = Field(True, description="no further seeds for a finalist that is clearly behind")

    @model_validator(mode="before")
    @classmethod
    def _seconds_are_time(cls, tree: Any) -> Any:
        return renamed(tree, "seconds", "time", "search") if isinstance(tree, dict) else tree

    @model_validator(mode="after")
    def _rungs_rise_to_one(self) -> "Budget":
        if not self.rungs or list(self.rungs) != sorted(set(self.rungs)) or self.rungs[-1] != 1.0:
            raise ValueError(f"rungs are rising shares that end at 1, got {list(self.rungs)}")
        return self

    @property
    def is_unplanned(self) -> bool:
        """Whether the number of trials is left to a plan, which a search makes when it begins."""
        return self.trials is None and self.trainings is None

    @property
    def proposals(self) -> int:
        """The number of proposals to train; 30 in a search that has not planned it."""
        if self.trainings is not None:
            return int(self.trainings / self.cost)
        return UNPLANNED_TRIALS if self.trials is None else self.trials

    @property
    def steps(self) -> tuple[float, ...]:
        """The share of a full training from each rung to the next."""
        return tuple(rung - below for below, rung in zip((0.0, *self.rungs), self.rungs, strict=False))

    @property
    def cost(self) -> float:
        """Full trainings that a proposal takes on average, as most are stopped at a rung below the last."""
        return sum(step / self.reduction**rung for rung, step in enumerate(self.steps))


class SearchSettings(Budget):
    """The options of a search: its budget, and how and for what it searches.

    The ``search`` part of a search file, the options of ``mtl-search run`` and the keywords of ``mtl_nas.search`` are
    these fields.
    """

    seed: int = Field(0, ge=0, description="seed of all random choices")
    sampler: str = Field(
        AUTO, description="what proposes trials", json_schema_extra={"choices": [AUTO, *BUILT_IN_SAMPLERS]}
    )
    objectives: tuple[Aim, ...] = Field(
        ("mean",), description="mean, worst, a task, weights by task, or a cost; several search a Pareto front"
    )
    limits: Limits = Field({}, description="upper limits of parameters, macs or latency_ms that each design keeps to")
    presets: tuple[str, ...] | None = Field(
        None, description="presets to train first; all compatible ones if not given"
    )
    portfolio: bool = Field(
        True, description="begin with proposals that were strong on many tables, as far as the space holds them"
    )
    ensemble: bool = Field(True, description="take an ensemble of networks away where it is better than the best one")
    trees: bool = Field(False, description="compare the finalists with boosted trees too; needs the extra trees")
    start: str | None = Field(None, description="a run folder on the same data whose trials are taken over")

    @field_validator("objectives", mode="before")
    @classmethod
    def _one_objective_is_a_list(cls, objectives: object) -> object:
        return [objectives] if isinstance(objectives, str | Mapping) else objectives

    @field_validator("start", mode="before")
    @classmethod
    def _start_is_absolute(cls, start: Any) -> Any:
        return str(Path(start).resolve()) if isinstance(start, str | os.PathLike) else start

    @property
    def decisive(self) -> dict[str, Any]:
        """The options that affect trials and the choice of the best; searches that differ in others are the same."""
        unused = ("ensemble", "trees", *(() if self.trainings is None else ("trials",)))
        return {name: value for name, value in self if name not in unused}

    def updated(self, changes: Mapping[str, Any]) -> "SearchSettings":
        """These settings with some fields changed; ``budget`` stands for all fields of a ``Budget``.

        >>> SearchSettings(seed=1).updated({"budget": Budget(trials=16), "sampler": "tpe"}).trials
        16
        """
        budget = changes.get("budget") or {}
        others = {name: value for name, value in changes.items() if name != "budget"}
        return parse(SearchSettings, {**dict(self), **dict(budget), **others}, "search", RunError)
