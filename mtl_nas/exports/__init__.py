"""Trained models: predict, save and load, ONNX; without Ray, Optuna or a space."""

from mtl_nas.exports.ensemble_folder import Member
from mtl_nas.exports.model import FORMATS, Format, Model, is_model_folder, load_model, refuse_target
from mtl_nas.exports.model_folder import load_architecture, read_weights

__all__ = [
    "FORMATS",
    "Format",
    "Member",
    "Model",
    "is_model_folder",
    "load_architecture",
    "load_model",
    "read_weights",
    "refuse_target",
]
