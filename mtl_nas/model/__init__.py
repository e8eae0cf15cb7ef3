"""Torch modules of an architecture."""

from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.grouping import Stage
from mtl_nas.model.input_encoding import InputEncoder, input_tensors
from mtl_nas.model.network import Network, build
from mtl_nas.model.stages import MixingWeights, StageModule, TableStage

__all__ = [
    "Activations",
    "InputEncoder",
    "InputTensors",
    "MixingWeights",
    "Network",
    "Stage",
    "StageModule",
    "TableStage",
    "build",
    "input_tensors",
]
