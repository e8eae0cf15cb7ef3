"""Presets: the architectures of the literature as functions from a schema to a Design.

    experts.py, funnel.py, ...    one function per preset: sizes -> Design; its docstring names the paper
    portfolio.py                  proposals, design and training, that a search tries first
    registry.py                   the list of presets, in the order in which a search tries them

A preset only fixes numbers and options of the grammar in ``mtl_nas.design``; it holds no torch code. To add one, write
its function, list it in ``registry.py``, and add its sizes and its numpy reference to the tests.

The package is not named after its functions, so that ``mtl_nas.preset`` is always the function.
"""

from mtl_nas.presets.portfolio import compatible_proposals, portfolio
from mtl_nas.presets.registry import (
    PRESETS,
    CompatiblePresets,
    PresetDescription,
    compatible_presets,
    descriptions,
    preset,
    preset_names,
)

__all__ = [
    "PRESETS",
    "CompatiblePresets",
    "PresetDescription",
    "compatible_presets",
    "compatible_proposals",
    "descriptions",
    "portfolio",
    "preset",
    "preset_names",
]
