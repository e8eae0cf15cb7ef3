"""Proposals with holes, and what fills them."""

from mtl_nas.space.deciders import Decider, Decisions, Defaults, Enumerate, Random, Replay
from mtl_nas.space.files import load_space, read_space, space_descriptions, space_names
from mtl_nas.space.holes import Choice, EachTask, Float, Int, Maybe, Repeat, Subset
from mtl_nas.space.space import SearchSpace

__all__ = [
    "Choice",
    "Decider",
    "Decisions",
    "Defaults",
    "EachTask",
    "Enumerate",
    "Float",
    "Int",
    "Maybe",
    "Random",
    "Repeat",
    "Replay",
    "SearchSpace",
    "Subset",
    "load_space",
    "read_space",
    "space_descriptions",
    "space_names",
]
