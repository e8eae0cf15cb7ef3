"""Torch modules of an architecture, and predictions from rows."""

from mtl_nas.model.activations import Activations, InputTensors
from mtl_nas.model.grouping import Stage
from mtl_nas.model.input_encoding import InputEncoder, input_tensors
from mtl_nas.model.kinds import row_loss
from mtl_nas.model.latency import LATENCY_BATCH, latency_ms
from mtl_nas.model.network import Network, build
from mtl_nas.model.prediction import STORED_ROWS, in_label_units, predict, predict_rows, predictions
from mtl_nas.model.stages import MixingWeights, StageModule, TableStage

__all__ = [
    "LATENCY_BATCH",
    "STORED_ROWS",
    "Activations",
    "InputEncoder",
    "InputTensors",
    "MixingWeights",
    "Network",
    "Stage",
    "StageModule",
    "TableStage",
    "build",
    "in_label_units",
    "input_tensors",
    "latency_ms",
    "predict",
    "predict_rows",
    "predictions",
    "row_loss",
]
