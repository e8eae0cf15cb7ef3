"""Searching: the only package that imports ray or optuna."""

from mtl_nas.study.execution.ray_backend import Resources
from mtl_nas.study.model_export import export
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.runner import resume, search

__all__ = ["Resources", "Run", "export", "load_run", "resume", "search"]
