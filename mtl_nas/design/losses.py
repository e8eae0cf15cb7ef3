"""Options of the weighting of task losses and of the aggregation of their gradients."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from mtl_nas.values import Value

Positive = Annotated[float, Field(gt=0.0)]
Weighting = Literal["static", "uncertainty", "dwa", "gls", "rlw", "gradnorm", "famo"]
Aggregation = Literal[
    "none",
    "pcgrad",
    "gradvac",
    "cagrad",
    "mgda",
    "imtl_g",
    "nash_mtl",
    "aligned_mtl",
    "fairgrad",
    "config",
    "dualproj",
    "upgrad",
    "graddrop",
]


class Losses(Value):
    """Options of the losses: their weights, the aggregation of gradients, the calibrator, the sampling of negatives.

    weighting: static weights; or weights that follow training: uncertainty (Kendall et al., 2018), dwa (dynamic weight
    average, Liu et al., 2019), gls (geometric mean, Chennupati et al., 2019), rlw (random weights, Lin et al., 2022),
    gradnorm (Chen et al., 2018), famo (Liu et al., 2023). ``decay`` is the schedule of PLE (Tang et al., 2020);
    ``calibrator`` and ``negatives`` are AITM's (Xi et al., 2021); predictions are corrected for the sampling.
    """

    weighting: Weighting = Field("static", description="fixed weights, or weights that follow training")
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = Field(
        {}, description="factors of the losses; 1 if not given"
    )
    decay: Mapping[str, Positive] = Field({}, description="factors of the weights at every training step")
    aggregation: Aggregation = Field("none", description="how the tasks' gradients by shared weights become one")
    aggregate_embeddings: bool = Field(
        False, description="gradients of embedding tables are aggregated too, not summed"
    )
    calibrator: float = Field(0.0, ge=0.0, description="weight of mean(max(p_later - p_earlier, 0)) over nested pairs")
    positive_weights: Mapping[str, Positive] = Field({}, description="weight of a positive row, relative to a negative")
    negatives: float = Field(
        1.0, gt=0.0, le=1.0, description="share of the rows without the funnel's first event that training reads"
    )

    @property
    def common(self) -> "Losses":
        """The losses without the sizes of weights above zero: equal if both can be trained in one stack."""
        return self.model_copy(update={"weights": {task: 0.0 for task, weight in self.weights.items() if not weight}})

    def weight_of(self, task: str) -> float:
        """The static weight of a task's loss."""
        return self.weights.get(task, 1.0)
