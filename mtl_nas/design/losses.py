"""How task losses become one number, and what happens where their gradients disagree."""

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
    """Task losses ``l_t`` as one number, or as one direction.

    weighting: ``sum_t w_t l_t`` with static weights; or learned or chosen anew: uncertainty (Kendall et al., 2018),
    dwa (dynamic weight average, Liu et al., 2019), gls (geometric mean, Chennupati et al., 2019), rlw (random weights,
    Lin et al., 2022), gradnorm (Chen et al., 2018), famo (Liu et al., 2023). ``weights`` multiply the losses first;
    ``decay`` multiplies a task's weight at every training step (the schedule of PLE, Tang et al., 2020).

    aggregation: how the tasks' gradients by shared parameters become one; ``none`` is their weighed sum. Embedding
    tables keep the sum unless ``aggregate_embeddings``.

    calibrator: the weight of AITM's penalty ``mean max(p_later - p_earlier, 0)``, summed over nested pairs.
    positive_weights: what a positive row of a binary task counts, relative to a negative one. negatives: the share of
    the rows without the funnel's first event that train; predictions are corrected for it (AITM, Xi et al., 2021).
    """

    weighting: Weighting = "static"
    weights: Mapping[str, Annotated[float, Field(ge=0.0)]] = {}  # relative to 1
    decay: Mapping[str, Positive] = {}
    aggregation: Aggregation = "none"
    aggregate_embeddings: bool = False
    calibrator: Annotated[float, Field(ge=0.0)] = 0.0
    positive_weights: Mapping[str, Positive] = {}
    negatives: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0

    @property
    def common(self) -> "Losses":
        """What the losses of trainings share that are done as one: everything but the size of weights above zero."""
        return self.model_copy(update={"weights": {task: 0.0 for task, weight in self.weights.items() if not weight}})

    def weight_of(self, task: str) -> float:
        """The static weight of a task's loss."""
        return self.weights.get(task, 1.0)
