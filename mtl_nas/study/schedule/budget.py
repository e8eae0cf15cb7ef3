"""What a run was asked, as far as deciding needs it, and what is left of its budget at a standing."""

from dataclasses import dataclass, field
from functools import cached_property

from mtl_nas.design import Precision, Proposal
from mtl_nas.record.state import Standing, Trial
from mtl_nas.settings import Budget
from mtl_nas.study.objectives.objective import Goal

FEWEST_PRESETS = 5  # tried in a search of few trials, which presets would fill otherwise
LARGE = 50.0  # full trainings of work from which a pilot pays
SMALLEST_PILOT = 8  # full trainings: fewer show neither noise nor the order of rungs
FINAL_SHARE = 0.2  # of the work for finalists, where the work is bounded


@dataclass(frozen=True)
class Plan:
    """Budget, presets in their order, seed and goal; ``full``: the rows of one full training.

    ``precision`` stands for ``auto`` in all trainings of a run, or a resumed one would choose again.
    """

    budget: Budget
    presets: tuple[str, ...] = ()
    seed: int = 0
    goal: Goal = field(default_factory=Goal)
    full: int = 1
    precision: Precision = "float32"
    gpus: int = 0  # each trains some jobs of one shape in the time of one, so that they are done as one

    def settled_proposal(self, trial: Trial) -> Proposal:
        """What a worker trains."""
        proposal = trial.proposal
        if proposal.training.precision != "auto":
            return proposal
        training = proposal.training.model_copy(update={"precision": self.precision})
        return proposal.model_copy(update={"training": training})

    @cached_property
    def tried_presets(self) -> tuple[str, ...]:
        """Those that a search tries: half of its trials at most."""
        trials = self.budget.trials
        if self.budget.trainings is not None:
            trials = int(self.budget.trainings / self.budget.cost)
        return self.presets[: max(FEWEST_PRESETS, trials // 2)]

    @cached_property
    def work(self) -> float:
        """Full trainings that the whole comes to, about."""
        budget = self.budget
        return budget.trainings or budget.trials * budget.cost + budget.finalists * budget.seeds

    @cached_property
    def pilot(self) -> int:
        """Full trainings of the pilot, replicates included; 0 is none."""
        if self.budget.pilot is not None:
            return self.budget.pilot
        return max(SMALLEST_PILOT, round(self.work / 10)) if self.work >= LARGE and len(self.budget.rungs) > 1 else 0

    def rungs(self, standing: Standing) -> tuple[int, ...]:
        """The rungs in force: all, or those that the pilot left."""
        return tuple(range(len(self.budget.rungs))) if standing.pilot is None else standing.pilot.rungs

    def finals(self, standing: Standing) -> tuple[int, int]:
        """How many finalists on how many seeds."""
        if standing.pilot is not None:
            return standing.pilot.finalists, standing.pilot.seeds
        return finals(self.budget)

    def spent(self, standing: Standing) -> float:
        """Full trainings of work so far."""
        return standing.rows / self.full

    def left(self, standing: Standing) -> float:
        """Full trainings that the search may still take, its finalists left out; endless without a bound."""
        if self.budget.trainings is None:
            return float("inf")
        finalists, seeds = self.finals(standing)
        return self.budget.trainings - finalists * seeds - self.spent(standing)

    def underway(self, standing: Standing) -> float:
        """Full trainings that were decided and have not arrived."""
        shares = self.budget.rungs
        going = ((trial, self.goes_to(standing, trial)) for trial in standing.trained if not self.settled(trial))
        return sum(
            shares[rung] - (shares[max(trial.scored)] if trial.scored else 0.0)
            for trial, rung in going
            if rung not in trial.scored
        )

    def room(self, standing: Standing) -> int:
        """Further proposals that the budget allows."""
        if standing.closed is not None:
            return 0
        if self.budget.trainings is None:
            return self.budget.trials - sum(not trial.proposed.taken_over for trial in standing.trained)
        new = sum(not trial.scored and trial.failed is None for trial in standing.trained)
        return max(0, int(self.left(standing) / self.budget.cost) - new)

    def settled(self, trial: Trial) -> bool:
        """Nothing more is to be trained of it before the finalists."""
        last = len(self.budget.rungs) - 1
        return trial.failed is not None or trial.stopped is not None or last in trial.scored

    def goes_to(self, standing: Standing, trial: Trial) -> int:
        """The rung that it is to reach."""
        return next(rung for rung in self.rungs(standing) if rung >= trial.rung)


def finals(budget: Budget, *, ratio: float = 1.0) -> tuple[int, int]:
    """Finalists and seeds that a budget allows; ``ratio``: noise over spread, where it is known.

    Where noise is small beside the spread few seeds tell designs apart; where it is large more of both are wanted.
    """
    if budget.trainings is None:
        finalists, seeds = budget.finalists, budget.seeds
        return (finalists, max(seeds, 5)) if ratio > 2.0 else (finalists, seeds)
    if budget.trainings < 10:
        seeds = 1  # more would leave nothing to choose among
    elif budget.trainings < 40 or ratio < 0.25:
        seeds = 2
    else:
        seeds = 3 if budget.trainings < 300 and ratio <= 2.0 else 5
    return min(max(round(FINAL_SHARE * budget.trainings / seeds), 3), 10), seeds
