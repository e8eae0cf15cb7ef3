"""The grammar: one sentence says where tasks share and where they part.

A Design names no columns and few tasks, so one design fits many tables; ``compose`` spells it out for a schema.
"""

import math
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, model_validator

from mtl_nas.blocks import Expert, Gate, NumberEncoding, Tower, Transfer, Units
from mtl_nas.values import Value

Count = Annotated[int, Field(ge=0, le=64)]


class Inputs(Value):
    """How columns become a state: the width of embeddings, the encoding of numbers, and who owns the tables."""

    embedding: Units = 8
    tables: Literal["shared", "task"] = "shared"  # task: each task has tables of its own
    numbers: NumberEncoding = "bucket"
    buckets: Literal[8, 16, 32, 64, 128] = 32


class Gating(Value):
    """Where a level's gates stand, which experts they see, what they ask, and how they weigh.

    placement: a gate a ``task``, one gate for ``all`` tasks over all experts, or ``none`` (the mean of what a task
    sees). sees: a task's gate mixes its ``own`` and the shared experts (CGC), or those of ``all`` tasks.
    query: the owner's ``state`` below this level (PLE), or the ``features``.
    """

    placement: Literal["task", "all", "none"] = "task"
    sees: Literal["own", "all"] = "own"
    query: Literal["state", "features"] = "state"
    hidden: tuple[Units, ...] = ()
    bias: bool = False
    temperature: Annotated[float, Field(gt=0.0)] = 1.0

    @property
    def block(self) -> Gate:
        """The node that each gate of the level is."""
        if self.placement == "none":
            return Gate(kind="mean")
        return Gate(hidden=self.hidden, bias=self.bias, temperature=self.temperature)


class Level(Value):
    """One row of experts and the gates above them (Ma et al., 2018; Tang et al., 2020)."""

    shared: Count = 0
    specific: Count | Mapping[str, Count] = 0  # experts of each task alone
    expert: Expert = Expert()
    gate: Gating = Gating()

    @model_validator(mode="after")
    def _has_experts(self) -> "Level":
        own = [self.specific] if isinstance(self.specific, int) else list(self.specific.values())
        if self.shared == 0 and not any(own):
            raise ValueError("a level needs an expert for every task, got shared=0 and specific=0; raise one of them")
        return self

    def specific_of(self, task: str) -> int:
        """How many experts that task has for itself."""
        return self.specific if isinstance(self.specific, int) else self.specific.get(task, 0)


class Transfers(Value):
    """Links along which a task's state reaches another task before its tower, and what a link computes."""

    links: Literal["none", "chain"] | tuple[tuple[str, str], ...] = "none"  # chain: each task to the next declared
    transfer: Transfer = Transfer()


class Losses(Value):
    """How task losses become one number: ``sum_t w_t l_t``, or learned by uncertainty (Kendall et al., 2018).

    calibrator: the weight of AITM's penalty ``mean max(p_later - p_earlier, 0)``, summed over nested pairs.
    """

    weighting: Literal["static", "uncertainty"] = "static"
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}  # relative to 1
    calibrator: Annotated[float, Field(ge=0.0)] = 0.0

    def weight_of(self, task: str) -> float:
        """The static weight of a task's loss."""
        return self.weights.get(task, 1.0)


class Design(Value):
    """Inputs, levels from the bottom up, transfers, towers, how funnel probabilities are read, losses.

    funnel: ``direct`` heads give end-to-end probabilities; ``product`` heads multiply conditional ones along the
    nesting.
    """

    inputs: Inputs = Inputs()
    levels: tuple[Level, ...] = ()
    transfers: Transfers = Transfers()
    tower: Tower = Tower()
    funnel: Literal["direct", "product"] = "direct"
    losses: Losses = Losses()


ENOUGH_ROWS, FEWEST_PASSES, MOST_PASSES = 400_000, 4, 40
STEPS_A_PASS, SMALLEST_BATCH, LARGEST_BATCH = 100, 64, 512


class Work(NamedTuple):
    """Passes over the train rows, and rows a step."""

    passes: float
    batch_size: int


class Training(Value):
    """How a model is trained. One pass is every train row once.

    Without a number, passes and batch size follow the table: 400,000 rows of work within 4 to 40 passes, some hundred
    steps a pass within batches of 64 to 512. A small table would be left untrained by what suits a large one.
    """

    passes: Annotated[float, Field(gt=0.0, le=1000.0)] | None = None
    batch_size: Annotated[int, Field(ge=1)] | None = None
    learning_rate: Annotated[float, Field(gt=0.0)] = 1e-3
    schedule: Literal["constant", "linear", "cosine"] = "constant"  # from the full rate to none at the last step
    warmup: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0  # share of the steps over which the rate rises
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0  # decoupled, embeddings included
    patience: Annotated[int, Field(ge=1)] | None = None  # checks without a better score before it stops
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    seed: Annotated[int, Field(ge=0)] = 0

    def work(self, rows: int) -> Work:
        """What this comes to on a table of so many train rows.

        >>> Training().work(200_000), Training(passes=1).work(2_400)
        (Work(passes=4, batch_size=512), Work(passes=1.0, batch_size=64))
        """
        passes = min(max(ENOUGH_ROWS / rows, FEWEST_PASSES), MOST_PASSES)
        power = 2 ** math.ceil(math.log2(max(rows / STEPS_A_PASS, 1)))
        batch = min(max(power, SMALLEST_BATCH), LARGEST_BATCH)
        return Work(self.passes or passes, self.batch_size or batch)


class Proposal(Value):
    """What a trial evaluates."""

    design: Design = Design()
    training: Training = Training()
