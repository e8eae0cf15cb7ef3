"""What a run says about its space: decisions without an effect, ranges that end too early, work that was wasted.

The scores of a search are no experiment: a sampler follows what did well, so that a decision may stand for another one
that went with it. An effect in the report is a reason to look, not a proof.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from mtl_nas.space import SearchSpace
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.space_report.decisions import filled_holes
from mtl_nas.study.space_report.importance import Effect, effects
from mtl_nas.study.space_report.range_edges import Edge, edges

FEWEST_TRIALS = 20  # trials with a score, below which decisions are not reported


@dataclass(frozen=True)
class SpaceReport:
    """``effects``: the largest measurable ones first, then the others, those that are surely small first."""

    rung: int  # the rung whose scores are compared
    compared: int  # trials with a score at the rung
    effects: tuple[Effect, ...]
    edges: tuple[Edge, ...]
    proposals: int
    duplicates: int  # proposals that repeat an earlier one
    failures: Mapping[str, int]  # trials by the failure that ended them


def report(space: SearchSpace, state: SearchState) -> SpaceReport:
    """What the trials show about a space that knows its tasks, by the first objective of the search."""
    trials = [trial for trial in state.trained if not trial.proposed.replicate]
    scored = [trial for trial in trials if trial.scored and trial.failed is None]
    reached = Counter(rung for trial in scored for rung in trial.scored)
    rung = max(reached, key=lambda rung: (reached[rung], -rung), default=0)  # the lowest of those that most reached
    compared = [trial for trial in scored if rung in trial.scored]
    enough = len(compared) >= FEWEST_TRIALS
    scores = {trial.number: state.values(trial, rung)[0] for trial in compared}
    holes = {trial.number: filled_holes(space, trial.proposed.decisions or {}) for trial in scored}
    drawn = [trial for trial in scored if trial.preset is None]  # the numbers of a preset are its authors' choice
    return SpaceReport(
        rung=rung,
        compared=len(compared),
        effects=effects({number: holes[number] for number in scores}, scores) if enough else (),
        edges=edges([holes[trial.number] for trial in state.furthest_first(drawn)]) if enough else (),
        proposals=len(state.trials),
        duplicates=len(state.trials) - len(state.trained),
        failures=Counter(trial.failed.failure for trial in state.trained if trial.failed is not None),
    )
