"""Observations: the decisions and values of trials, which are all that samplers read."""

from collections.abc import Iterable
from dataclasses import dataclass

from mtl_nas.record import Trial
from mtl_nas.space import Decisions
from mtl_nas.study.objectives.pareto import ranked
from mtl_nas.study.search_state import SearchState, Values


@dataclass(frozen=True)
class Observation:
    """The decisions of a proposal and its values by rung, the larger the better; a duplicate has its original's."""

    number: int
    origin: str
    decisions: Decisions
    values: dict[int, Values]
    stopped: bool
    key: str  # the proposal key

    def __hash__(self) -> int:
        """Hash the number alone, as dictionaries cannot be hashed."""
        return hash(self.number)

    @property
    def rung(self) -> int:
        """The highest rung that it reached."""
        return max(self.values)

    @property
    def last(self) -> Values:
        """Its values at the highest rung."""
        return self.values[self.rung]


class Observations:
    """The observations of a search, cached until the scores of a trial change."""

    def __init__(self) -> None:
        self._cache: dict[int, tuple[object, Observation]] = {}

    def of(self, state: SearchState) -> list[Observation]:
        """All trials with decisions and a value, in the order of proposal."""
        baseline = 0 if state.baseline is None else len(state.baseline.scored)  # gains depend on its scores
        observations = []
        for number, trial in state.trials.items():
            source = state.trials[trial.original]
            if trial.proposed.decisions is None or not source.scored:
                continue
            version = (
                baseline,
                source.stopped is not None,
                *(len(same.scored) for same in state.same_proposal(source)),
            )
            if number not in self._cache or self._cache[number][0] != version:
                self._cache[number] = version, _observation(state, trial, source)
            observations.append(self._cache[number][1])
        return observations


def _observation(state: SearchState, trial: Trial, source: Trial) -> Observation:
    assert trial.proposed.decisions is not None
    return Observation(
        number=trial.number,
        origin=trial.proposed.origin,
        decisions=trial.proposed.decisions,
        values={rung: state.values(source, rung) for rung in source.scored},
        stopped=source.stopped is not None,
        key=trial.proposed.proposal_key,
    )


def best_first(observations: Iterable[Observation]) -> list[Observation]:
    """One observation per proposal, ordered by rung, the highest first, and then by values, the best first."""
    once = list({item.key: item for item in reversed(list(observations))}.values())[::-1]
    by_rung: dict[int, list[Observation]] = {}
    for item in once:
        by_rung.setdefault(item.rung, []).append(item)
    groups = [by_rung[rung] for rung in sorted(by_rung, reverse=True)]
    return [group[index] for group in groups for index in ranked([item.last for item in group])]
