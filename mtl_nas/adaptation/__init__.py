"""A network for a new task or group, from a trained network and few labelled rows."""

from mtl_nas.adaptation.adaptation import Adaptation, adapt_network
from mtl_nas.adaptation.graph_transfer import default_like
from mtl_nas.adaptation.new_task import load_new_task
from mtl_nas.adaptation.training import INNER, MODES, Mode, TransferTraining

__all__ = [
    "INNER",
    "MODES",
    "Adaptation",
    "Mode",
    "TransferTraining",
    "adapt_network",
    "default_like",
    "load_new_task",
]
