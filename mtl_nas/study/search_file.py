"""``search.yaml`` as a user writes it: what the data layer reads, and beside it the space and the search."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, field_validator

from mtl_nas.data import Dataset, load_dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.record import Budget
from mtl_nas.record.request import Aim, Limits, Sampler
from mtl_nas.space import SearchSpace, load_space
from mtl_nas.values import Value, parse, read_tree

SPACE = "everything"
UNITS = {"s": 1, "m": 60, "h": 3600}


class SearchOptions(Budget):
    """The ``search`` part: the budget's fields, ``time`` in place of seconds, and what is searched for."""

    time: Annotated[float, Field(gt=0)] | None = None  # seconds; 90s, 30m and 2h are read too
    seed: Annotated[int, Field(ge=0)] = 0
    sampler: Sampler = "auto"
    objectives: tuple[Aim, ...] = ("mean",)
    limits: Limits = {}
    presets: tuple[str, ...] | None = None  # tried first; None: all that fit
    ensemble: bool = False  # of finalists, beside the best
    start: str | None = None  # a run folder whose trials are taken over

    @field_validator("time", mode="before")
    @classmethod
    def _read_time(cls, value: object) -> object:
        return seconds(value) if isinstance(value, str) else value

    @field_validator("objectives", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str | Mapping) else value

    @property
    def budget(self) -> Budget:
        """The budget that these options come to."""
        known = {name: getattr(self, name) for name in Budget.model_fields}
        return Budget(**{**known, "seconds": self.time or self.seconds})


class SearchFile(Value):
    """What a search is over, ready to run."""

    model_config = {"arbitrary_types_allowed": True}

    data: Dataset
    space: SearchSpace
    options: SearchOptions


def read_search(source: str, *, tasks: list[str] | None = None, space: str | None = None) -> SearchFile:
    """From a search file, a built-in name, or a table with its tasks; a space given here wins over the file's."""
    path = Path(source)
    tree: Mapping[str, Any] = {}
    if path.suffix.lower() in (".yaml", ".yml"):
        found = read_tree(path)
        if not isinstance(found, Mapping):
            raise MtlNasError(f"{source}: a search file is a mapping with data and tasks, got {type(found).__name__}")
        tree = found
    options = parse(SearchOptions, tree.get("search") or {}, f"{source}: search")
    return SearchFile(data=load_dataset(source, tasks), space=_space(tree, path, space), options=options)


def seconds(text: str) -> float:
    """A duration.

    >>> seconds("30m")
    1800.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found:
        raise ValueError(f"a time is written 90s, 30m or 2h, got '{text}'")
    return float(found[1]) * UNITS[found[2] or "s"]


def _space(tree: Mapping[str, Any], path: Path, given: str | None) -> SearchSpace:
    if given is not None:
        return load_space(given)
    said = tree.get("space", SPACE)
    beside = path.parent / str(said)
    return load_space(beside if isinstance(said, str) and beside.suffix in (".yaml", ".yml") else said)
