"""The three methods that the protocol compares at equal work: the search, presets with tuned training, random draws.

Not a command: ``benchmarks.protocol.run`` imports it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mtl_nas as mn
from mtl_nas.data import Schema
from mtl_nas.presets import compatible_presets
from mtl_nas.space import SearchSpace, load_space, plain_tree, read_space
from mtl_nas.study import Resources

TRAININGS = 20.0  # work of a search in full trainings, finalists included
EPOCHS = 2  # per full training
SEEDS = 5  # search seeds per method and table
PILOT_TRAININGS = 20  # full trainings of the pilot
COMMON_PRESETS = ("single_task", "shared_bottom", "mmoe", "ple")
FIFTH_PRESET = {True: "dupn", False: "stem"}  # by whether there are histories: the best of docs/results/presets.md
METHODS = ("search", "tuned presets", "random")


@dataclass(frozen=True)
class SearchArguments:
    """The arguments of ``mn.search`` for one method."""

    space: SearchSpace
    options: Mapping[str, Any]


def run(method: str, data: mn.Dataset, folder: Path, seed: int, resources: Resources) -> mn.Run:
    """Run one search of a method, or resume it if its folder holds an interrupted one."""
    arguments = METHODS_BY_NAME[method](data.schema)
    return mn.search(arguments.space, data, folder=folder, seed=seed, resources=resources, **arguments.options)


def pilot(data: mn.Dataset, folder: Path, resources: Resources) -> str | None:
    """Return the pilot's answer on whether architecture matters; it is not part of the work of any method."""
    budget = mn.Budget(trainings=PILOT_TRAININGS + 6, pilot=PILOT_TRAININGS)
    run = mn.search(_everything(), data, folder=folder, budget=budget, presets=COMMON_PRESETS, resources=resources)
    return run.state.pilot.reason if run.state.pilot else None


def presets(schema: Schema) -> tuple[str, ...]:
    """Return the names of the five presets whose training is tuned."""
    return (*COMMON_PRESETS, FIFTH_PRESET[bool(schema.sequences)])


def _search(schema: Schema) -> SearchArguments:
    """The search with its defaults, which tries presets first."""
    return SearchArguments(_everything(), {"budget": mn.Budget(trainings=TRAININGS)})


def _tuned(schema: Schema) -> SearchArguments:
    """Each of the five presets at the default training, then random pairs of preset and training, all trained fully."""
    designs = compatible_presets(schema).designs
    names = presets(schema)
    choices = [designs[name].model_dump(mode="json") for name in names]
    tree = {"design": {"choice": choices}, "training": plain_tree(_everything())["training"]}
    space = read_space(tree, "tuned presets")
    return SearchArguments(space, {"budget": _full_trainings(), "sampler": "random", "presets": names})


def _random(schema: Schema) -> SearchArguments:
    """Random draws of the space of the search, each trained fully, without presets first."""
    return SearchArguments(_everything(), {"budget": _full_trainings(), "sampler": "random", "presets": ()})


def _full_trainings() -> mn.Budget:
    return mn.Budget(trainings=TRAININGS, rungs=(1.0,))


def _everything() -> SearchSpace:
    """The default space with two epochs."""
    tree = plain_tree(load_space("everything"))
    return read_space({**tree, "training": {**tree["training"], "epochs": EPOCHS}}, "everything")


METHODS_BY_NAME = dict(zip(METHODS, (_search, _tuned, _random), strict=True))
