"""The stage of a learned scale of each feature."""

import torch
from torch import Tensor, nn

from mtl_nas.blocks import Scaling
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.layers import spread
from mtl_nas.model.stages.stage_module import StageModule

RATE = 6.0  # factor on the learning rate, as in RealMLP


class ScalingStage(StageModule[Scaling]):
    """(B, D) -> (N, B, D)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.scale = nn.Parameter(torch.empty(len(stage.sets), stage.units))

    def forward(self, activations: Activations) -> Tensor:
        return self.inputs(activations) * spread(self.scale, self.stage).unsqueeze(1)

    def rate(self, name: str) -> float:
        return RATE

    def reset(self, generator: torch.Generator) -> None:
        """Ones."""
        with torch.no_grad():
            self.scale.fill_(1.0)
