"""Observations as an Optuna study in memory, and Optuna's suggestions as decisions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime
from functools import lru_cache

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mtl_nas.space import Choice, Decider, Decision, Domain, Int, Replay, SearchSpace
from mtl_nas.study.samplers.observations import Observation, best_first

MOST_TRIALS = 200  # trials of a study, the best and the latest half and half, as each trial makes suggestions slower


class HoleNames:
    """Optuna's name of each hole: its path, with a number if branches of the space have different holes there."""

    def __init__(self, space: SearchSpace) -> None:
        self._domains = space.domains()

    def of(self, path: str, domain: Domain) -> str:
        domains = self._domains[path]
        return path if len(domains) == 1 else f"{path}#{domains.index(domain)}"


@lru_cache(maxsize=8)
def hole_names(space: SearchSpace) -> HoleNames:
    """The cached names of a space's holes."""
    return HoleNames(space)


class UnchangingTrial(FrozenTrial):
    """A trial of which a deep copy is shallow, as no code changes its content and copies take most of the time."""

    def __deepcopy__(self, memo: object) -> "UnchangingTrial":
        return copy(self)


class OptunaDecider:
    """Takes decisions from the suggestions of an Optuna trial."""

    def __init__(self, trial: optuna.Trial, names: HoleNames) -> None:
        self._trial, self._names = trial, names

    def choose(self, path: str, domain: Domain) -> Decision:
        name, suggested = self._names.of(path, domain), distribution(domain)
        if isinstance(suggested, IntDistribution):
            return self._trial.suggest_int(name, suggested.low, suggested.high)
        if isinstance(suggested, FloatDistribution):
            return self._trial.suggest_float(name, suggested.low, suggested.high, log=suggested.log)
        assert isinstance(suggested, CategoricalDistribution)
        return int(str(self._trial.suggest_categorical(name, suggested.choices)))


class RecordingDecider:
    """Takes decisions from another decider, and records the name, distribution and value of every hole."""

    def __init__(self, decider: Decider, names: HoleNames) -> None:
        self._decider, self._names = decider, names
        self.distributions: dict[str, BaseDistribution] = {}
        self.values: dict[str, Decision | str] = {}

    def choose(self, path: str, domain: Domain) -> Decision:
        decision, name = self._decider.choose(path, domain), self._names.of(path, domain)
        self.distributions[name] = distribution(domain)
        self.values[name] = str(decision) if isinstance(domain, Choice) else decision
        return decision


def distribution(domain: Domain) -> BaseDistribution:
    """Optuna's distribution for a hole; an option is identified by its index, as categories must be scalars."""
    if isinstance(domain, Int):
        return IntDistribution(domain.low, domain.high)
    if isinstance(domain, Choice):
        return CategoricalDistribution(tuple(str(index) for index in range(len(domain.options))))
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def optuna_study(
    space: SearchSpace, observations: Sequence[Observation], sampler: optuna.samplers.BaseSampler
) -> optuna.Study:
    """The observations as a study, in the order of proposal: trained trials are complete, stopped ones pruned.

    With several objectives all trials are complete, with the values that they reached, as Optuna has no pruning there.
    """
    width = len(observations[0].last) if observations else 1
    with _only_warnings():
        study = optuna.create_study(directions=["maximize"] * width, sampler=sampler)
        study.add_trials([_frozen(space, observation) for observation in _selected(observations)])
    return study


@contextmanager
def _only_warnings() -> Iterator[None]:
    """Silence Optuna's message about each new study."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(max(before, optuna.logging.WARNING))
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _selected(observations: Sequence[Observation]) -> Sequence[Observation]:
    if len(observations) <= MOST_TRIALS:
        return observations
    half = MOST_TRIALS // 2
    numbers = {observation.number for observation in (*best_first(observations)[:half], *observations[-half:])}
    return [observation for observation in observations if observation.number in numbers]


@lru_cache(maxsize=4 * MOST_TRIALS)
def _frozen(space: SearchSpace, observation: Observation) -> UnchangingTrial:
    recorded = RecordingDecider(Replay(observation.decisions), hole_names(space))
    space.decide(recorded)
    single, time = len(observation.last) == 1, datetime.now()  # Optuna requires a time
    intermediate = {rung: values[0] for rung, values in observation.values.items()} if single else {}
    return UnchangingTrial(
        number=observation.number,
        trial_id=observation.number,
        state=TrialState.PRUNED if observation.stopped and single else TrialState.COMPLETE,
        value=None,
        values=observation.last,
        params=recorded.values,
        distributions=recorded.distributions,
        intermediate_values=intermediate,
        user_attrs={"number": observation.number, "origin": observation.origin, "key": observation.key},
        system_attrs={},
        datetime_start=time,
        datetime_complete=time,
    )
