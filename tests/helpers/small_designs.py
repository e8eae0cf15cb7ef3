"""Every preset in few units, on schemas that it fits, and the pieces of other designs."""

from collections.abc import Sequence
from typing import Any

from numpy_reference import schema_of

from mtl_nas.blocks import Expert, Tower, Transfer
from mtl_nas.data import Schema
from mtl_nas.design import Design, Gating, Inputs, Level, Transfers
from mtl_nas.presets import PRESETS, preset

ONE, TWO, THREE = schema_of("click"), schema_of("click", "buy"), schema_of("click", "buy", "pay")
FUNNELS = (schema_of("click", "buy<click"), schema_of("click", "buy<click", "pay<buy"))
MIXED = schema_of("click", "stars*3", "dwell~")
SCALARS = Inputs(numbers="standard")
TABLED = {"numbers": "piecewise", "buckets": 8, "embedding": 3}

SIZES: dict[str, dict[str, Any]] = {
    "single_task": {"hidden": (6, 4), "tower": (3,)},
    "shared_bottom": {"hidden": (6, 4), "tower": (3,)},
    "dupn": {"history": 4, "attention": (3,), "tower": (3,), "embedding": 3},
    "cross_stitch": {"hidden": (5, 4), "tower": (3,)},
    "snr": {"levels": 2, "experts": 3, "hidden": (4,), "tower": (3,)},
    "omoe": {"experts": 3, "hidden": (5, 4), "tower": (3,)},
    "mmoe": {"experts": 3, "hidden": (5, 4), "tower": (3,)},
    "mlmmoe": {"levels": 3, "experts": 3, "hidden": (4,), "tower": (3,)},
    "cgc": {"shared": 2, "specific": 1, "hidden": (4,), "tower": (3,)},
    "ple": {"shared": 1, "specific": 2, "hidden": (4,), "tower": (3,)},
    "adatt": {"specific": 2, "hidden": (4,), "tower": (3,)},
    "stem": {"shared": 2, "specific": 2, "hidden": (5, 4), "gate": (4, 3), "tower": (3,), **TABLED},
    "home": {"shared": 1, "family": 2, "specific": 2, "hidden": (4,), "rank": 2, "tower": (3,)},
    "metaheac": {"experts": 3, "critics": 2, "hidden": (5, 4), "gate": (3,), **TABLED},
    "esmm": {"hidden": (6, 4)},
    "aitm": {"hidden": (6, 4), "tower": (3,)},
}
COLUMNS: dict[str, dict[str, Any]] = {
    "dupn": {"numbers": 2, "histories": ((5, 3),)},
    "stem": {"numbers": 2, "categories": (4, 3)},
    "metaheac": {"numbers": 2, "categories": (4, 3)},
}
TASKS = (
    ("click",),
    ("click", "buy"),
    ("click", "buy", "pay"),
    ("click", "buy<click", "pay<buy"),
    ("click", "stars*3", "dwell~"),
    ("likes#", "stars/4", "spent$"),
)
FAMILIES = (("click@a",), ("click@a", "buy@a"), ("click@a", "buy@b", "like@a"), ("stars*3@a", "dwell~@b", "like"))


def schemas(name: str) -> list[Schema]:
    """On which that preset is tried: one, two and three tasks, and all kinds of task."""
    tasks: Sequence[Sequence[str]] = FAMILIES if name == "home" else TASKS
    if name in ("esmm", "aitm"):
        tasks = (("click", "buy<click"), TASKS[3])
    return [schema_of(*spelled, **COLUMNS.get(name, {})) for spelled in tasks]


def small(name: str, schema: Schema, **sizes: Any) -> Design:
    return preset(name, schema, **{"numbers": "standard", **SIZES[name], **sizes})


PRESET_CASES = [(name, schema) for name in PRESETS for schema in schemas(name)]


def level(**options: Any) -> Level:
    return Level(**{"shared": 2, "specific": 1, "expert": Expert(hidden=(4,)), **options})


def gated(**options: Any) -> Design:
    """Two levels whose gates have these options."""
    row = level(mixing=Gating(**options))
    return Design(inputs=SCALARS, levels=(row, row), tower=Tower(hidden=(3,)))


def hidden_layers(**options: Any) -> Design:
    return Design(
        inputs=SCALARS, levels=(level(expert=Expert(hidden=(5, 4), **options)),), tower=Tower(hidden=(3, 3), **options)
    )


def linked(links: Any = "chain", schema_levels: int = 1, **options: Any) -> Design:
    rows = (level(shared=0, specific=1),) * schema_levels
    return Design(inputs=SCALARS, levels=rows, transfers=Transfers(links=links, transfer=Transfer(**options)))


def stacked(*rows: Level, **options: Any) -> Design:
    return Design(**{"inputs": SCALARS, "levels": rows, **options})
