"""Presets: the presets of the literature, with the sizes their authors or their best-known library published.

The package is not named after its functions, so that ``mtl_nas.preset`` is always the function.
"""

from collections.abc import Callable
from typing import Any

from mtl_nas.data.schema import Schema
from mtl_nas.design import Design
from mtl_nas.errors import DesignError
from mtl_nas.presets import cross_stitch, experts, funnel, single_task
from mtl_nas.values import nearest

PRESETS: dict[str, Callable[..., Design]] = {  # in the order in which a search tries them
    "single_task": single_task.single_task,
    "shared_bottom": single_task.shared_bottom,
    "mmoe": experts.mmoe,
    "ple": experts.ple,
    "dupn": single_task.dupn,
    "aitm": funnel.aitm,
    "esmm": funnel.esmm,
    "metaheac": experts.metaheac,
    "stem": experts.stem,
    "home": experts.home,
    "adatt": experts.adatt,
    "cross_stitch": cross_stitch.cross_stitch,
    "cgc": experts.cgc,
    "mlmmoe": experts.mlmmoe,
    "snr": cross_stitch.snr,
    "omoe": experts.omoe,
}


def preset(name: str, schema: Schema, **sizes: Any) -> Design:
    """The preset of that name; sizes are keywords of its function, for example ``experts=8, hidden=(64, 32)``."""
    if name not in PRESETS:
        raise DesignError(unknown_preset(name))
    return PRESETS[name](schema, **sizes)


def unknown_preset(name: str) -> str:
    """What is said of a name that is no preset."""
    return f"no preset '{name}'; presets: {', '.join(PRESETS)}{nearest(name, PRESETS)}"


def preset_names() -> tuple[str, ...]:
    """Names that ``preset`` knows."""
    return tuple(PRESETS)


def fitting(schema: Schema) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that fit the schema, and for each other one the reason why it does not."""
    designs: dict[str, Design] = {}
    reasons: dict[str, str] = {}
    for name in PRESETS:
        try:
            designs[name] = preset(name, schema)
        except DesignError as problem:
            reasons[name] = str(problem)
    return designs, reasons
