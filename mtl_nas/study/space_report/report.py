"""Conclusions from a run about its space: effects of decisions, ranges that may be too narrow, wasted work.

The trials of a search are not an experiment: a sampler repeats decisions of good designs together, so that the effect
of one decision may be due to another. An effect in the report is a hint, not a proof.
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
    """Effects, range edges and wasted proposals of a run."""

    rung: int  # the rung whose scores are compared
    compared: int  # trials with a score at the rung
    effects: tuple[Effect, ...]  # measurable ones first
    edges: tuple[Edge, ...]
    proposals: int
    duplicates: int  # proposals that repeat an earlier one
    failures: Mapping[str, int]  # number of trials by kind of failure


def report(space: SearchSpace, state: SearchState) -> SpaceReport:
    """Make the report of a run by its first objective; ``space`` is the run's space, fitted to its schema."""
    trials = [trial for trial in state.trained if not trial.proposed.replicate]
    scored = [trial for trial in trials if trial.scored and trial.failed is None]
    reached = Counter(rung for trial in scored for rung in trial.scored)
    rung = max(reached, key=lambda rung: (reached[rung], -rung), default=0)  # the lowest rung with the most trials
    compared = [trial for trial in scored if rung in trial.scored]
    enough = len(compared) >= FEWEST_TRIALS
    scores = {trial.number: state.values(trial, rung)[0] for trial in compared}
    holes = {trial.number: filled_holes(space, trial.proposed.decisions or {}) for trial in scored}
    drawn = [trial for trial in scored if trial.preset is None]  # the sampler did not choose the sizes of presets
    return SpaceReport(
        rung=rung,
        compared=len(compared),
        effects=effects({number: holes[number] for number in scores}, scores) if enough else (),
        edges=edges([holes[trial.number] for trial in state.furthest_first(drawn)]) if enough else (),
        proposals=len(state.trials),
        duplicates=len(state.trials) - len(state.trained),
        failures=Counter(trial.failed.failure for trial in state.trained if trial.failed is not None),
    )
