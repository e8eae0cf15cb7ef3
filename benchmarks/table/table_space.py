"""The search space of the dense table on a data set: its architectures and the presets that are points of it.

Not a command: ``train``, ``simulate`` and the methods that ``simulate`` compares import it.
"""

from functools import cache
from typing import Any

import mtl_nas as mn
from benchmarks.table.dense_table import FOLDER, read_table
from mtl_nas.architecture import Architecture
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.space import Replay, SearchSpace

SIZES: dict[str, Any] = {"tower": (16,), "hidden": (64, 32), "embedding": 8}  # the only sizes in the space
PRESETS: dict[str, dict[str, int]] = {
    "single_task": {},
    "shared_bottom": {},
    "mmoe": {"experts": 4},
    "ple": {"shared": 1, "specific": 1},
    "stem": {"shared": 1, "specific": 1},
    "cgc": {"shared": 1, "specific": 1},
}
_composed: dict[str, Architecture] = {}


@cache
def dataset(name: str) -> mn.Dataset:
    """Load a data set once per process."""
    return mn.load_dataset(name)


def schema(name: str) -> Schema:
    """Return the schema of a data set."""
    return dataset(name).schema


@cache
def space(name: str) -> SearchSpace:
    """Return the space of the table with the tasks of a data set."""
    return mn.load_space(FOLDER / "space.yaml").for_schema(schema(name))


@cache
def presets(name: str) -> dict[str, Design]:
    """Return the presets that are points of the space, in its sizes."""
    designs = {preset: mn.preset(preset, schema(name), **SIZES, **counts) for preset, counts in PRESETS.items()}
    return {preset: design for preset, design in designs.items() if space(name).contains(design)}


def compose_once(design: Design, schema: Schema) -> Architecture:
    """Compose the graph of a design once per process."""
    key = f"{schema.task_names} {design.model_dump_json()}"
    if key not in _composed:
        _composed[key] = mn.compose(design, schema)
    return _composed[key]


def architecture_index(name: str, decisions: dict[str, Any]) -> int:
    """Return the index in the table of the architecture that decisions lead to."""
    design = space(name).resolve(Replay(decisions)).design
    return read_table(name).keys.index(compose_once(design, schema(name)).key)
