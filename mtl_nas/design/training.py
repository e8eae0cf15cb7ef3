"""Options of the training of a model."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field, model_validator

from mtl_nas.values import Value, renamed

TRAINED_ROWS = 400_000  # rows times epochs of a training that names no epochs
FEWEST_EPOCHS = 4  # of a training that names none
STEPS_PER_EPOCH = 100  # steps of a training that names no batch size
SMALLEST_BATCH, LARGEST_BATCH = 64, 512  # rows

Precision = Literal["float32", "bfloat16", "float64"]


class Work(NamedTuple):
    """The length of a training: epochs, and rows per step."""

    epochs: float
    batch_size: int


class Meta(Value):
    """Model-agnostic meta-learning over tasks (MAML, Finn et al., 2017; MetaHeac, Zhu et al., 2021).

    Each batch is halved into support and query rows. A task adapts a copy of the weights by ``steps`` gradient steps
    on its support loss; the outer step minimises the sum of the tasks' query losses at the adapted copies.
    """

    order: Literal[1, 2] = Field(2, description="1 leaves out second derivatives")
    inner_rate: float = Field(2e-4, ge=0.0, description="learning rate of the inner steps")
    steps: int = Field(1, ge=1, le=16, description="number of inner steps")
    scope: Literal["all", "task_embedding", "critics"] = Field("all", description="the weights that adapt")


# may differ in a stack of trainings
PER_MEMBER = ("seed", "learning_rate", "schedule", "warmup", "weight_decay", "average")


class Training(Value):
    """Options of the training of a model. An epoch is every train row once."""

    epochs: Annotated[float, Field(gt=0.0, le=1000.0)] | None = Field(
        None, description="epochs over the train rows; 400,000 rows of work if not given, but at least 4 epochs"
    )
    most_epochs: int = Field(400, ge=1, description="largest number of epochs that the number of rows asks for")
    batch_size: Annotated[int, Field(ge=1)] | None = Field(
        None, description="rows per step; about a hundred steps per epoch within 64 to 512 rows if not given"
    )
    learning_rate: float = Field(2e-3, gt=0.0, description="learning rate of AdamW")
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="the rate stays, or falls to zero at the last step"
    )
    warmup: float = Field(0.0, ge=0.0, lt=1.0, description="share of the steps over which the rate rises")
    weight_decay: float = Field(0.0, ge=0.0, description="decoupled weight decay, of embeddings too")
    average: Annotated[float, Field(ge=0.0, lt=1.0)] = Field(
        0.8, description="share that a mean of the weights at ends of epochs keeps; the mean is scored; 0 is none"
    )
    patience: Annotated[int, Field(ge=1)] | Annotated[float, Field(gt=0.0, lt=1.0)] | None = Field(
        0.35, description="checks on tuning rows without a better score before training stops, or a share of all steps"
    )
    precision: Literal["float32", "bfloat16", "float64", "auto"] = Field(
        "float32", description="number format; auto takes the faster of the first two, measured for a few steps"
    )
    meta: Meta | None = Field(None, description="meta-learning over tasks")
    seed: int = Field(0, ge=0, description="seed of weights, batches and dropout; a search sets it")
    later_fields: ClassVar[tuple[str, ...]] = ("average", "most_epochs")
    earlier_values: ClassVar[Mapping[str, Any]] = {"average": 0.0, "most_epochs": 40}

    @model_validator(mode="before")
    @classmethod
    def _passes_are_epochs(cls, tree: Any) -> Any:
        return renamed(tree, "passes", "epochs", "training") if isinstance(tree, dict) else tree

    @property
    def common(self) -> "Training":
        """The options without seed and learning rates: equal if both trainings can run in one stack."""
        return self.model_copy(update={name: Training.model_fields[name].default for name in PER_MEMBER})

    def work(self, rows: int) -> Work:
        """Epochs and batch size on a table with that number of train rows.

        >>> Training().work(200_000), Training(epochs=1).work(2_400)
        (Work(epochs=4, batch_size=512), Work(epochs=1.0, batch_size=64))
        """
        epochs = min(max(TRAINED_ROWS / rows, FEWEST_EPOCHS), self.most_epochs)
        power = 2 ** math.ceil(math.log2(max(rows / STEPS_PER_EPOCH, 1)))
        batch = min(max(power, SMALLEST_BATCH), LARGEST_BATCH)
        return Work(self.epochs or epochs, self.batch_size or batch)
