"""What was seen as an Optuna study in memory, and Optuna's suggestions as decisions."""

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from functools import lru_cache

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mtl_nas.space import Choice, Decider, Decision, Domain, Int, Replay, SearchSpace
from mtl_nas.study.samplers.observations import Seen, best_first

TOLD = 200  # the best half and the latest half of so many: asking takes longer with each

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Names:
    """Optuna's name of each hole: its path, with a number where branches of the space ask different things there."""

    def __init__(self, space: SearchSpace) -> None:
        self._domains = space.domains()

    def of(self, path: str, domain: Domain) -> str:
        """The parameter of the hole."""
        known = self._domains[path]
        return path if len(known) == 1 else f"{path}#{known.index(domain)}"


@lru_cache(maxsize=8)
def names_of(space: SearchSpace) -> Names:
    """Of all its holes."""
    return Names(space)


class Told(FrozenTrial):
    """A trial that is never changed, so that a study need not copy all that is in it."""

    def __deepcopy__(self, memo: object) -> "Told":
        return copy(self)


class Asked:
    """A decider that asks an Optuna trial."""

    def __init__(self, trial: optuna.Trial, names: Names) -> None:
        self._trial, self._names = trial, names

    def choose(self, path: str, domain: Domain) -> Decision:
        """The suggestion for the hole's distribution."""
        name, found = self._names.of(path, domain), distribution(domain)
        if isinstance(found, IntDistribution):
            return self._trial.suggest_int(name, found.low, found.high)
        if isinstance(found, FloatDistribution):
            return self._trial.suggest_float(name, found.low, found.high, log=found.log)
        assert isinstance(found, CategoricalDistribution)
        return int(str(self._trial.suggest_categorical(name, found.choices)))


class Noted:
    """A decider that keeps name, distribution and value of every hole that another one fills."""

    def __init__(self, decider: Decider, names: Names) -> None:
        self._decider, self._names = decider, names
        self.distributions: dict[str, BaseDistribution] = {}
        self.values: dict[str, Decision | str] = {}

    def choose(self, path: str, domain: Domain) -> Decision:
        """The other decider's choice."""
        decision, name = self._decider.choose(path, domain), self._names.of(path, domain)
        self.distributions[name] = distribution(domain)
        self.values[name] = str(decision) if isinstance(domain, Choice) else decision
        return decision


def distribution(domain: Domain) -> BaseDistribution:
    """Optuna's form of a hole; options are told by their place, as categories must be scalars."""
    if isinstance(domain, Int):
        return IntDistribution(domain.low, domain.high)
    if isinstance(domain, Choice):
        return CategoricalDistribution(tuple(str(place) for place in range(len(domain.options))))
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def study_of(space: SearchSpace, seen: Sequence[Seen], sampler: optuna.samplers.BaseSampler) -> optuna.Study:
    """What was seen as a study: finished trials complete, stopped ones pruned, in order of proposal.

    Of several objectives a study has no pruned trials: all are complete, with the values that they reached.
    """
    width = len(seen[0].last) if seen else 1
    study = optuna.create_study(directions=["maximize"] * width, sampler=sampler)
    study.add_trials([_frozen(space, one) for one in _told(seen)])
    return study


def _told(seen: Sequence[Seen]) -> Sequence[Seen]:
    if len(seen) <= TOLD:
        return seen
    kept = {one.number for one in (*best_first(seen)[: TOLD // 2], *seen[-TOLD // 2 :])}
    return [one for one in seen if one.number in kept]


@lru_cache(maxsize=4 * TOLD)
def _frozen(space: SearchSpace, one: Seen) -> Told:
    noted = Noted(Replay(one.decisions), names_of(space))
    space.decide(noted)
    single, now = len(one.last) == 1, datetime.now()  # which Optuna insists on
    return Told(
        number=one.number,
        trial_id=one.number,
        state=TrialState.PRUNED if one.stopped and single else TrialState.COMPLETE,
        value=None,
        values=one.last,
        params=noted.values,
        distributions=noted.distributions,
        intermediate_values={rung: values[0] for rung, values in one.values.items()} if single else {},
        user_attrs={"number": one.number, "origin": one.origin, "key": one.key},
        system_attrs={},
        datetime_start=now,
        datetime_complete=now,
    )
