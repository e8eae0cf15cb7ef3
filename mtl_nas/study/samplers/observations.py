"""What samplers are told: decisions and values, nothing of runs, records or trials."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mtl_nas.design import Proposal
from mtl_nas.record.state import Standing, Trial
from mtl_nas.space import Decisions, SearchSpace
from mtl_nas.study.objectives.objective import BASELINE, Goal
from mtl_nas.study.objectives.pareto import ranked

Values = tuple[float, ...]


@dataclass(frozen=True)
class Seen:
    """A proposal with its values by rung, the larger the better; a duplicate has those of the trial that it repeats."""

    number: int
    origin: str
    decisions: Decisions
    values: dict[int, Values]
    stopped: bool
    key: str

    def __hash__(self) -> int:
        """Of its number: what is known of a trial changes seldom."""
        return hash(self.number)

    @property
    def rung(self) -> int:
        """The highest that it reached."""
        return max(self.values)

    @property
    def last(self) -> Values:
        """Values at the highest rung."""
        return self.values[self.rung]


@dataclass(frozen=True)
class Drawn:
    """A proposal, the decisions that spell it, who made it and from which trials."""

    proposal: Proposal
    decisions: Decisions
    origin: str
    parents: tuple[int, ...] = field(default=())


class Sampler(Protocol):
    """Proposes from what was seen; a function of its arguments alone, so that resuming decides the same."""

    def __call__(self, space: SearchSpace, history: Sequence[Seen], seed: int) -> Drawn:
        """The next proposal; what was seen is in the order of proposal and never empty."""
        ...


class History:
    """What was seen, kept up to date: a trial is looked at again only when something about it is new."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._known: dict[int, tuple[object, Seen]] = {}

    def of(self, standing: Standing) -> list[Seen]:
        """All that has decisions and a value, in the order of proposal."""
        baseline = standing.presets.get(BASELINE)
        base = 0 if baseline is None else len(standing.trials[baseline].scored)  # gains are measured against it
        found = []
        for number, trial in standing.trials.items():
            source = standing.trials[trial.original]
            if trial.proposed.decisions is None or not source.scored:
                continue
            state = (base, source.stopped is not None, *(len(one.scored) for one in standing.alike(source)))
            if number not in self._known or self._known[number][0] != state:
                self._known[number] = (state, self._seen(standing, trial, source))
            found.append(self._known[number][1])
        return found

    def _seen(self, standing: Standing, trial: Trial, source: Trial) -> Seen:
        assert trial.proposed.decisions is not None
        return Seen(
            number=trial.number,
            origin=trial.proposed.origin,
            decisions=trial.proposed.decisions,
            values={rung: self._goal.values(standing, source, rung) for rung in source.scored},
            stopped=source.stopped is not None,
            key=trial.proposed.proposal_key,
        )


def history(standing: Standing, goal: Goal) -> list[Seen]:
    """All that has decisions and a value, in the order of proposal."""
    return History(goal).of(standing)


def best_first(seen: Iterable[Seen]) -> list[Seen]:
    """The highest rung first, there the best; each proposal once."""
    once = list({one.key: one for one in reversed(list(seen))}.values())[::-1]
    rungs = sorted({one.rung for one in once}, reverse=True)
    groups = [[one for one in once if one.rung == rung] for rung in rungs]
    return [group[place] for group in groups for place in ranked([one.last for one in group])]
