"""What is compared: the search, presets whose training is tuned, random draws. All take the same work."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mtl_nas as mn
from mtl_nas.data import Schema
from mtl_nas.presets import compatible_presets
from mtl_nas.space import SearchSpace, load_space, plain_tree, read_space
from mtl_nas.study import Resources

TRAININGS = 20.0  # full trainings of work, finalists included
PASSES = 2
SEEDS = 5  # search seeds a method and table
PILOT = 20  # full trainings
PLAIN = ("single_task", "shared_bottom", "mmoe", "ple")
FIFTH = {True: "dupn", False: "stem"}  # with and without histories: the strongest of docs/results/presets.md
METHODS = ("search", "tuned presets", "random")


@dataclass(frozen=True)
class Asked:
    """The arguments of one search."""

    space: SearchSpace
    options: Mapping[str, Any]


def run(method: str, data: mn.Dataset, folder: Path, seed: int, resources: Resources) -> mn.Run:
    """One search by the method; goes on where it was broken off."""
    asked = METHODS_BY_NAME[method](data.schema)
    return mn.search(asked.space, data, folder=folder, seed=seed, resources=resources, **asked.options)


def pilot(data: mn.Dataset, folder: Path, resources: Resources) -> str | None:
    """What the tool's pilot says of a table: whether architecture matters. It is no part of any method's work."""
    budget = mn.Budget(trainings=PILOT + 6, pilot=PILOT)
    found = mn.search(_everything(), data, folder=folder, budget=budget, presets=PLAIN, resources=resources)
    return found.standing.pilot.reason if found.standing.pilot else None


def presets(schema: Schema) -> tuple[str, ...]:
    """The five that are tuned."""
    return (*PLAIN, FIFTH[bool(schema.sequences)])


def _search(schema: Schema) -> Asked:
    """The tool as it comes, presets first."""
    return Asked(_everything(), {"budget": mn.Budget(trainings=TRAININGS)})


def _tuned(schema: Schema) -> Asked:
    """Each of the five at the default training, then random pairs of a design and a training, each trained fully."""
    designs = compatible_presets(schema).designs
    names = presets(schema)
    options = [designs[name].model_dump(mode="json") for name in names]
    tree = {"design": {"choice": options}, "training": plain_tree(_everything())["training"]}
    space = read_space(tree, "tuned presets")
    return Asked(space, {"budget": _whole(), "sampler": "random", "presets": names})


def _random(schema: Schema) -> Asked:
    """Random draws of the space that the search has, each trained fully; no preset is tried first."""
    return Asked(_everything(), {"budget": _whole(), "sampler": "random", "presets": ()})


def _whole() -> mn.Budget:
    return mn.Budget(trainings=TRAININGS, rungs=(1.0,))


def _everything() -> SearchSpace:
    """The default space, two passes over the rows."""
    tree = plain_tree(load_space("everything"))
    return read_space({**tree, "training": {**tree["training"], "epochs": PASSES}}, "everything")


METHODS_BY_NAME = dict(zip(METHODS, (_search, _tuned, _random), strict=True))
