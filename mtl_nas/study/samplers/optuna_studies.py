"""What was seen as an Optuna study in memory, and Optuna's suggestions as decisions."""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mtl_nas.space import Decider, Replay, SearchSpace
from mtl_nas.space.holes import Choice, Decision, Domain, Int
from mtl_nas.study.samplers.history import Seen, best_first

TOLD = 300  # the best half and the latest half of so many: asking costs 0.15 s at 1,000

optuna.logging.set_verbosity(optuna.logging.WARNING)


class Names:
    """Optuna's name of each hole: its path, with a number where branches of the space ask different things there."""

    def __init__(self, space: SearchSpace) -> None:
        self._domains = space.domains()

    def of(self, path: str, domain: Domain) -> str:
        """The parameter of the hole."""
        known = self._domains[path]
        return path if len(known) == 1 else f"{path}#{known.index(domain)}"


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
    names = Names(space)
    study.add_trials([_frozen(space, names, one) for one in _told(seen)])
    return study


def _told(seen: Sequence[Seen]) -> Sequence[Seen]:
    if len(seen) <= TOLD:
        return seen
    kept = {one.number for one in (*best_first(seen)[: TOLD // 2], *seen[-TOLD // 2 :])}
    return [one for one in seen if one.number in kept]


def _frozen(space: SearchSpace, names: Names, one: Seen) -> FrozenTrial:
    noted = Noted(Replay(one.decisions), names)
    space.walk(noted)
    pruned = one.stopped and len(one.last) == 1
    return optuna.trial.create_trial(
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        values=list(one.last),
        params=noted.values,
        distributions=noted.distributions,
        intermediate_values={rung: values[0] for rung, values in one.values.items()} if len(one.last) == 1 else {},
        user_attrs={"number": one.number, "origin": one.origin, "key": one.key},
    )
