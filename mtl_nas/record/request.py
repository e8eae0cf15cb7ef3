"""What a search was asked for: enough to go on with it, or to do it again."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from mtl_nas.values import Value


class Budget(Value):
    """How much work a search may take.

    ``trials`` counts proposals trained at the first rung, presets included, duplicates and finalists not.
    """

    trials: Annotated[int, Field(ge=1)] = 30
    seconds: Annotated[float, Field(gt=0)] | None = None  # of wall time, finalists included; None is no bound
    rungs: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (1 / 9, 1 / 3, 1.0)  # shares of the training work
    reduction: Annotated[float, Field(gt=1)] = 3.0  # one of that many goes on from each rung
    cohort: Annotated[int, Field(ge=1)] = 8  # proposals between two barriers, after the presets
    finalists: Annotated[int, Field(ge=1)] = 5
    seeds: Annotated[int, Field(ge=1)] = 3  # of each finalist

    @model_validator(mode="after")
    def _rungs_rise_to_one(self) -> "Budget":
        if not self.rungs or list(self.rungs) != sorted(set(self.rungs)) or self.rungs[-1] != 1.0:
            raise ValueError(f"rungs are rising shares that end at 1, got {list(self.rungs)}")
        return self


class Request(Value):
    """``search.yaml`` of a run folder."""

    version: Literal[1] = 1
    data: dict[str, Any]  # the declaration: table, split, tasks, sequences; or only a name for a frame in memory
    tasks: tuple[str, ...]
    fingerprint: str
    space: dict[str, Any]
    space_name: str
    budget: Budget = Budget()
    sampler: Literal["tpe", "random"] = "tpe"
    seed: int = 0
    versions: dict[str, str] = {}
