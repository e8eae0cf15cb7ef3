"""Optuna's TPE, with every argument given, as its defaults change between versions."""

import warnings
from collections.abc import Sequence

import optuna

from mtl_nas.space import SearchSpace
from mtl_nas.study.samplers.observations import Observation
from mtl_nas.study.samplers.optuna_study import OptunaDecider, hole_names, optuna_study
from mtl_nas.study.samplers.registry import Suggestion, register

CANDIDATES = 24  # candidates drawn for each suggestion


@register("tpe")
def tpe(space: SearchSpace, history: Sequence[Observation], seed: int) -> Suggestion:
    """Tree-structured Parzen estimators (Bergstra et al., 2011), one for each set of holes that is decided together."""
    study = optuna_study(space, history, tpe_sampler(seed))
    return Suggestion.drawn(space, OptunaDecider(study.ask(), hole_names(space)), "tpe")


def tpe_sampler(seed: int) -> optuna.samplers.TPESampler:
    """Optuna's sampler with the options that ``tpe`` uses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group is experimental
        return optuna.samplers.TPESampler(
            n_startup_trials=1,  # the search draws at random until there are enough observations
            n_ei_candidates=CANDIDATES,
            multivariate=True,
            group=True,
            constant_liar=False,  # no trial of the study is running
            seed=seed,
        )
