"""Leaving with a model: folders that predict without Ray, Optuna or a space."""

from mtl_nas.exports.ensemble_folder import LoadedEnsemble, is_ensemble, load_ensemble
from mtl_nas.exports.model_folder import LoadedModel, load_architecture, load_model, write_model
from mtl_nas.exports.onnx import write_onnx

__all__ = [
    "LoadedEnsemble",
    "LoadedModel",
    "is_ensemble",
    "load_architecture",
    "load_ensemble",
    "load_model",
    "write_model",
    "write_onnx",
]
