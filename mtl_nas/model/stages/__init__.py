"""Torch modules of the blocks, one batched implementation each.

Every module of this package is imported, so that a stage module is registered wherever it is defined.
"""

from importlib import import_module
from pkgutil import iter_modules

from mtl_nas.model.stages.stage_module import MixingWeights, StageModule, TableStage, WeightedModule

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["MixingWeights", "StageModule", "TableStage", "WeightedModule"]
