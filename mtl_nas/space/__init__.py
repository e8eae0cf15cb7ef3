"""Search spaces: proposals in which any value may be a hole, and what fills the holes.

    text        levels: {repeat: [0, 2], of: {shared: {int: [1, 4]}}}     a YAML file, or a built-in space
      |             files.py finds it, notation.py reads it
    tree        {"levels": Repeat(0, 2, {"shared": Int(1, 4)})}           a SearchSpace: domains.py, holes.py, space.py
      |             deciders.py answers hole by hole, in the order of traversal.py
    decisions   {"levels": 1, "levels.0.shared": 3}                       plain numbers: recorded, replayed, mutated
      |             traversal.py fills the holes
    proposal    Design(levels=(Level(shared=3),))                         checked by the grammar

A search algorithm sees domains and decisions only; the grammar of designs sees neither. ``SearchSpace.encode`` is the
way back, from a proposal to the decisions that give it. ``mutation.py`` changes decisions, and ``size_estimate.py``
counts the different architectures of a space.
"""

from mtl_nas.space.deciders import Corner, Decider, Decisions, Defaults, Enumerate, Random, Replay
from mtl_nas.space.domains import SWITCH, Choice, Decision, Domain, Float, Int
from mtl_nas.space.files import load_space, plain_tree, read_space, space_descriptions, space_names
from mtl_nas.space.holes import EachTask, Maybe, Needs, Repeat, Subset
from mtl_nas.space.mutation import crossover, mutate
from mtl_nas.space.space import SearchSpace

__all__ = [
    "SWITCH",
    "Choice",
    "Corner",
    "Decider",
    "Decision",
    "Decisions",
    "Defaults",
    "Domain",
    "EachTask",
    "Enumerate",
    "Float",
    "Int",
    "Maybe",
    "Needs",
    "Random",
    "Repeat",
    "Replay",
    "SearchSpace",
    "Subset",
    "crossover",
    "load_space",
    "mutate",
    "plain_tree",
    "read_space",
    "space_descriptions",
    "space_names",
]
