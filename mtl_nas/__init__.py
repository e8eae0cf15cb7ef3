"""mtl_nas searches multi-task-learning architectures.

Names are loaded when they are first used: ``import mtl_nas`` starts neither torch nor ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtl_nas import space as space
    from mtl_nas.adaptation import Adaptation as Adaptation
    from mtl_nas.architecture import Architecture as Architecture
    from mtl_nas.comparison import Comparison as Comparison
    from mtl_nas.comparison import compare as compare
    from mtl_nas.composition import compose as compose
    from mtl_nas.data import Dataset as Dataset
    from mtl_nas.data import Split as Split
    from mtl_nas.data import encode_table as encode_table
    from mtl_nas.data import load_dataset as load_dataset
    from mtl_nas.design import Design as Design
    from mtl_nas.design import Meta as Meta
    from mtl_nas.design import Proposal as Proposal
    from mtl_nas.design import Training as Training
    from mtl_nas.diagnosis import diagnose as diagnose
    from mtl_nas.errors import MtlNasError as MtlNasError
    from mtl_nas.evaluation import Result as Result
    from mtl_nas.evaluation import evaluate as evaluate
    from mtl_nas.exports import Model as Model
    from mtl_nas.exports import load_architecture as load_architecture
    from mtl_nas.exports import load_model as load_model
    from mtl_nas.exports import predict_table as predict_table
    from mtl_nas.model import build as build
    from mtl_nas.presets import preset as preset
    from mtl_nas.presets import preset_names as preset_names
    from mtl_nas.report import write_report as write_report
    from mtl_nas.settings import Budget as Budget
    from mtl_nas.settings import SearchSettings as SearchSettings
    from mtl_nas.space import SearchSpace as SearchSpace
    from mtl_nas.space import load_space as load_space
    from mtl_nas.study import Resources as Resources
    from mtl_nas.study import Run as Run
    from mtl_nas.study import export as export
    from mtl_nas.study import load_run as load_run
    from mtl_nas.study import resume as resume
    from mtl_nas.study import search as search

__version__ = "0.1.0"

_HOMES = {
    "Adaptation": "adaptation",
    "Architecture": "architecture",
    "Budget": "settings",
    "Comparison": "comparison",
    "Dataset": "data",
    "Design": "design",
    "Meta": "design",
    "Model": "exports",
    "MtlNasError": "errors",
    "Proposal": "design",
    "Resources": "study",
    "Result": "evaluation",
    "Run": "study",
    "SearchSettings": "settings",
    "SearchSpace": "space",
    "Split": "data",
    "Training": "design",
    "build": "model",
    "compare": "comparison",
    "compose": "composition",
    "diagnose": "diagnosis",
    "encode_table": "data",
    "evaluate": "evaluation",
    "export": "study",
    "load_architecture": "exports",
    "load_dataset": "data",
    "load_model": "exports",
    "load_run": "study",
    "load_space": "space",
    "predict_table": "exports",
    "preset": "presets",
    "preset_names": "presets",
    "resume": "study",
    "search": "study",
    "write_report": "report",
}

_OLDER_NAMES = {"encode": "encode_table"}  # of version 0.1.0

__all__ = sorted(_HOMES)  # noqa: PLE0605  # one list, where each name lives


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name."""
    if name == "space":  # holes and deciders: mtl_nas.space.Int
        return import_module("mtl_nas.space")
    name = _OLDER_NAMES.get(name, name)
    if name not in _HOMES:
        raise AttributeError(f"module 'mtl_nas' has no attribute '{name}'")
    return getattr(import_module(f"mtl_nas.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES, "space"]
