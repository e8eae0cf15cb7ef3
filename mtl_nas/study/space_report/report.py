"""What a run says about its space: decisions without an effect, ranges that end too early, work that was wasted.

Scores of a search are no experiment: a sampler follows what did well, so that a decision may stand for another one that
went with it. An effect here is a reason to look, not a proof.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mtl_nas.record.state import Standing
from mtl_nas.space import SearchSpace
from mtl_nas.study.objectives.objective import Goal
from mtl_nas.study.space_report.decisions import asked
from mtl_nas.study.space_report.importance import Effect, effects
from mtl_nas.study.space_report.range_edges import Edge, edges

FEWEST = 20  # trials with a score, below which nothing is said of decisions


@dataclass(frozen=True)
class Health:
    """``effects``: the largest beyond noise first, then those that chance explains, the surest to be small first."""

    rung: int  # whose scores are compared
    compared: int  # trials with a score there
    effects: tuple[Effect, ...]
    edges: tuple[Edge, ...]
    proposals: int
    duplicates: int  # of the proposals
    failures: Mapping[str, int]  # trials by what ended them


def health(space: SearchSpace, standing: Standing, goal: Goal | None = None) -> Health:
    """What the trials show of a space that knows its tasks; the goal's first aim is what designs are good at."""
    goal = goal or Goal()
    trials = [trial for trial in standing.trained if not trial.proposed.replicate]
    scored = [trial for trial in trials if trial.scored and trial.failed is None]
    reached = Counter(rung for trial in scored for rung in trial.scored)
    rung = max(reached, key=lambda rung: (reached[rung], -rung), default=0)  # the lowest of those that most reached
    there = [trial for trial in scored if rung in trial.scored]
    enough = len(there) >= FEWEST
    scores = {trial.number: goal.values(standing, trial, rung)[0] for trial in there}
    met = {trial.number: asked(space, trial.proposed.decisions or {}) for trial in scored}
    drawn = [trial for trial in scored if trial.preset is None]  # presets stand where their authors put them
    return Health(
        rung=rung,
        compared=len(there),
        effects=effects({number: met[number] for number in scores}, scores) if enough else (),
        edges=edges([met[trial.number] for trial in goal.far_and_good(standing, drawn)]) if enough else (),
        proposals=len(standing.trials),
        duplicates=len(standing.trials) - len(standing.trained),
        failures=Counter(trial.failed.failure for trial in standing.trained if trial.failed is not None),
    )
