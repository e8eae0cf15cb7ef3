"""Samplers, which suggest the next trial.

registry.py         the samplers by name; users may pass their own
observations.py     the decisions and values of earlier trials, which a sampler reads
random.py, evolution.py, tpe.py    one family of samplers per file
optuna_study.py     observations as an Optuna study
suggesting.py       the choice between the sampler and a random draw
"""

from mtl_nas.study.samplers import evolution, random, tpe  # noqa: F401  # each registers its samplers
from mtl_nas.study.samplers.observations import Observation, Observations, best_first
from mtl_nas.study.samplers.registry import SAMPLERS, Sampler, Suggestion, name_of, register
from mtl_nas.study.samplers.suggesting import suggest, suitable_sampler

__all__ = [
    "SAMPLERS",
    "Observation",
    "Observations",
    "Sampler",
    "Suggestion",
    "best_first",
    "name_of",
    "register",
    "suggest",
    "suitable_sampler",
]
