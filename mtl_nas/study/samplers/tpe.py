"""Optuna's TPE, with every argument said: its defaults change between versions."""

import warnings
from collections.abc import Sequence

import optuna

from mtl_nas.space import SearchSpace
from mtl_nas.study.samplers.observations import Drawn, Seen
from mtl_nas.study.samplers.optuna_studies import Asked, names_of, study_of

CANDIDATES = 24


def tpe(space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
    """Tree-structured Parzen estimators (Bergstra et al., 2011), one for each set of holes that is decided together."""
    return _asked(space, history, tpe_sampler(seed), "tpe")


def tpe_sampler(seed: int) -> optuna.samplers.TPESampler:
    """The sampler that ``tpe`` asks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group is experimental
        return optuna.samplers.TPESampler(
            n_startup_trials=1,  # the start is ours
            n_ei_candidates=CANDIDATES,
            multivariate=True,
            group=True,
            constant_liar=False,  # told at barriers only, nothing is ever running
            seed=seed,
        )


def _asked(space: SearchSpace, history: Sequence[Seen], sampler: optuna.samplers.BaseSampler, origin: str) -> Drawn:
    study = study_of(space, history, sampler)
    proposal, decisions = space.draw(Asked(study.ask(), names_of(space)))
    return Drawn(proposal, decisions, origin)
