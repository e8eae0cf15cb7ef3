"""Trained models: predict, save and load, ONNX; without Ray, Optuna or a space."""

from mtl_nas.exports.ensemble_folder import Member
from mtl_nas.exports.loading import is_model_folder, is_whole, load_model
from mtl_nas.exports.model import FORMATS, Format, Model, refuse_target
from mtl_nas.exports.model_folder import README, load_architecture, read_weights
from mtl_nas.exports.predicted_table import predict_table

__all__ = [
    "FORMATS",
    "README",
    "Format",
    "Member",
    "Model",
    "is_model_folder",
    "is_whole",
    "load_architecture",
    "load_model",
    "predict_table",
    "read_weights",
    "refuse_target",
]
