"""What proposes: Optuna's TPE or random draws, asked afresh for each proposal, so that resuming decides the same."""

import warnings
from collections.abc import Iterable

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from mtl_nas.design import Proposal
from mtl_nas.record.trials import Standing, Trial
from mtl_nas.space import Decider, Decisions, Random, Replay, SearchSpace
from mtl_nas.space.holes import Choice, Decision, Domain, Int
from mtl_nas.study.jobs import seed_of

STARTUP = 10  # told trials before TPE proposes
RANDOM_SHARE = 3  # one proposal in that many is random, against anchoring
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


def propose(
    space: SearchSpace, standing: Standing, *, sampler: str, seed: int, attempt: int
) -> tuple[Proposal, Decisions, str]:
    """A draw, its decisions and its origin; a function of the standing, the seed and the attempt alone."""
    ordinal = len(standing.trials)
    stream = seed_of(seed, "ask", ordinal, attempt)
    told = [
        trial for trial in standing.trials.values() if trial.proposed.decisions is not None and _value(standing, trial)
    ]
    if sampler == "random" or attempt > 0 or len(told) < STARTUP or stream % RANDOM_SHARE == 0:
        proposal, decisions = space.draw(Random(stream))
        return proposal, decisions, "random"
    study = study_of(space, standing, seed=stream)
    proposal, decisions = space.draw(Asked(study.ask(), Names(space)))
    return proposal, decisions, "tpe"


def study_of(space: SearchSpace, standing: Standing, *, seed: int = 0) -> optuna.Study:
    """The record as an Optuna study in memory: finished trials complete, stopped ones pruned, in order of proposal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # group is experimental
        sampler = optuna.samplers.TPESampler(
            n_startup_trials=1,  # the start is ours
            n_ei_candidates=24,
            multivariate=True,
            group=True,  # conditional holes: one model for each set that is decided together
            constant_liar=False,  # told at barriers only, nothing is ever running
            seed=seed,
        )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    names = Names(space)
    study.add_trials(_frozen(space, names, standing, trial) for trial in _told(standing))
    return study


def _told(standing: Standing) -> Iterable[Trial]:
    known = [
        trial for trial in standing.trials.values() if trial.proposed.decisions is not None and _value(standing, trial)
    ]
    if len(known) <= TOLD:
        return known
    best = sorted(known, key=lambda trial: -_known_score(standing, trial))[: TOLD // 2]
    kept = {trial.number for trial in (*best, *known[-TOLD // 2 :])}
    return [trial for trial in known if trial.number in kept]


def _value(standing: Standing, trial: Trial) -> dict[int, float]:
    """Scores by rung, those of the trial that it repeats where it is a duplicate."""
    repeated = trial.proposed.duplicate_of
    source = trial if repeated is None else standing.trials[repeated]
    return {rung: scored.score for rung, scored in source.scored.items()}


def _known_score(standing: Standing, trial: Trial) -> float:
    values = _value(standing, trial)
    return values[max(values)]


def _frozen(space: SearchSpace, names: Names, standing: Standing, trial: Trial) -> FrozenTrial:
    noted = Noted(Replay(trial.proposed.decisions or {}), names)
    space.draw(noted)
    values = _value(standing, trial)
    source = trial if trial.proposed.duplicate_of is None else standing.trials[trial.proposed.duplicate_of]
    pruned = source.stopped is not None
    return optuna.trial.create_trial(
        state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
        value=values[max(values)],
        params=noted.values,
        distributions=noted.distributions,
        intermediate_values=values,
        user_attrs={"number": trial.number, "origin": trial.proposed.origin, "key": trial.proposed.architecture_key},
    )
