"""How a model is trained."""

import math
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from mtl_nas.values import Value

ENOUGH_ROWS, FEWEST_PASSES, MOST_PASSES = 400_000, 4, 40
STEPS_A_PASS, SMALLEST_BATCH, LARGEST_BATCH = 100, 64, 512


Precision = Literal["float32", "bfloat16", "float64"]


class Work(NamedTuple):
    """Passes over the train rows, and rows a step."""

    passes: float
    batch_size: int


class Meta(Value):
    """Model-agnostic meta-learning over tasks (MAML, Finn et al., 2017; MetaHeac, Zhu et al., 2021).

    Each batch is halved into support and query rows. A task adapts a copy of the weights by ``steps`` gradient steps
    on its support loss; the outer step minimises the mean of the tasks' query losses at the adapted copies. order 1
    leaves out second derivatives. scope: which weights adapt.
    """

    order: Literal[1, 2] = 2
    inner_rate: Annotated[float, Field(ge=0.0)] = 2e-4
    steps: Annotated[int, Field(ge=1, le=16)] = 1
    scope: Literal["all", "task_embedding", "critics"] = "all"


OWN = ("seed", "learning_rate", "schedule", "warmup", "weight_decay")  # of a training, whatever trains beside it


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
    precision: Literal["float32", "bfloat16", "float64", "auto"] = "float32"  # auto: the faster of the first two
    meta: Meta | None = None
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def common(self) -> "Training":
        """What trainings share that are done as one: everything but seed and rates."""
        return self.model_copy(update={name: Training.model_fields[name].default for name in OWN})

    def work(self, rows: int) -> Work:
        """What this comes to on a table of so many train rows.

        >>> Training().work(200_000), Training(passes=1).work(2_400)
        (Work(passes=4, batch_size=512), Work(passes=1.0, batch_size=64))
        """
        passes = min(max(ENOUGH_ROWS / rows, FEWEST_PASSES), MOST_PASSES)
        power = 2 ** math.ceil(math.log2(max(rows / STEPS_A_PASS, 1)))
        batch = min(max(power, SMALLEST_BATCH), LARGEST_BATCH)
        return Work(self.passes or passes, self.batch_size or batch)
