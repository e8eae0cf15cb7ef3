"""What a search was asked for: enough to go on with it, or to do it again."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from mtl_nas.design.training import Precision
from mtl_nas.record.older_versions import current_request
from mtl_nas.values import Value, renamed


class Budget(Value):
    """How much work a search may take, and how it is spent.

    ``trials`` counts proposals trained at the first rung, presets included, duplicates and finalists not. With
    ``trainings`` the work itself is bounded, in full trainings with the finalists included, and trials are as many as
    that allows.
    """

    trials: Annotated[int, Field(ge=1)] = 30
    trainings: Annotated[float, Field(ge=4)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None  # of wall time, finalists included; None is no bound
    rungs: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1 / 9, 1 / 3, 1.0)  # shares of the training work
    reduction: Annotated[float, Field(gt=1)] = 2.0  # one of that many goes on from each rung
    cohort: Annotated[int, Field(ge=1)] = 8  # proposals between two barriers, after the presets
    promotion: Literal["synchronous", "asynchronous"] = "synchronous"  # at barriers; or as soon as a worker is free
    pilot: Annotated[int, Field(ge=0)] | None = None  # full trainings; None: a tenth of the work, of a large search
    replicates: Annotated[int, Field(ge=1)] = 1  # trainings of equal proposals before they are answered unseen
    finalists: Annotated[int, Field(ge=1)] = 5
    seeds: Annotated[int, Field(ge=1)] = 3  # of each finalist
    racing: bool = True  # a finalist that is clearly behind gets no further seed

    @model_validator(mode="after")
    def _rungs_rise_to_one(self) -> "Budget":
        if not self.rungs or list(self.rungs) != sorted(set(self.rungs)) or self.rungs[-1] != 1.0:
            raise ValueError(f"rungs are rising shares that end at 1, got {list(self.rungs)}")
        return self

    @property
    def steps(self) -> tuple[float, ...]:
        """The share of the work from each rung to the next."""
        return tuple(here - before for before, here in zip((0.0, *self.rungs), self.rungs, strict=False))

    @property
    def cost(self) -> float:
        """Full trainings that a proposal takes on average, most being stopped on the way."""
        return sum(step / self.reduction**rung for rung, step in enumerate(self.steps))


Sampler = Literal["auto", "tpe", "evolution", "local", "nsga2", "random"]
Aim = str | dict[str, float]  # mean, worst, a task, weights by task; parameters, macs, latency_ms
COSTS = ("parameters", "macs", "latency_ms")  # latency: milliseconds of a batch of 256 predictions


def _known_limits(limits: dict[str, float]) -> dict[str, float]:
    for name, most in limits.items():
        if name not in COSTS or most <= 0:
            raise ValueError(f"limits are positive numbers for {', '.join(COSTS)}, got {name}: {most:g}")
    return limits


def _current_limits(limits: Any) -> Any:
    return renamed(limits, "operations", "macs", "limits") if isinstance(limits, dict) else limits


Limits = Annotated[dict[str, float], BeforeValidator(_current_limits), AfterValidator(_known_limits)]


class Request(Value):
    """``search.yaml`` of a run folder."""

    version: Literal[2] = 2
    data: dict[str, Any]  # the declaration: table, split, tasks, sequences; or only a name for a frame in memory
    tasks: tuple[str, ...]
    fingerprint: str
    space: dict[str, Any]
    space_name: str
    budget: Budget = Budget()
    sampler: Sampler = "auto"
    objectives: tuple[Aim, ...] = ("mean",)  # several: a front
    limits: Limits = {}
    presets: tuple[str, ...] | None = None  # tried first; None: all that fit the data
    ensemble: bool = False  # of finalists, beside the best
    start: str | None = None  # the run whose trials were taken over
    precision: Precision = "float32"  # what auto came to when the search began
    seed: int = 0
    versions: dict[str, str] = {}

    @model_validator(mode="before")
    @classmethod
    def _read_version_1(cls, tree: Any) -> Any:
        return current_request(tree) if isinstance(tree, dict) and tree.get("version") == 1 else tree
