"""Uses the work that is left if a space is exhausted early: for stopped trials, and for more seeds of finalists."""

from mtl_nas.record import Promoted
from mtl_nas.study.schedule.budget import planned_finals, work_left
from mtl_nas.study.search_state import SearchState

MOST_SEEDS = 10  # largest number of seeds of a finalist


def late_promotions(state: SearchState) -> tuple[Promoted, ...]:
    """Promote stopped trials to the last rung while work is left, the best at the highest rung first."""
    if not _has_leftover(state):
        return ()
    stopped = (trial for trial in state.trained if trial.stopped is not None and trial.failed is None)
    left, promotions = work_left(state), []
    for trial in state.furthest_first(stopped):
        cost = 1.0 - state.settings.rungs[max(trial.scored)]
        if cost <= left:
            left -= cost
            reason = "the space has nothing new, and work is left for it"
            promotions.append(Promoted(number=trial.number, rung=len(state.settings.rungs) - 1, reason=reason))
    return tuple(promotions)


def seeds_for(state: SearchState, finalists: int) -> int:
    """The number of seeds for a number of finalists: as planned, or more if work is left."""
    _, planned = planned_finals(state)
    if state.settings.trainings is None or not _has_leftover(state):
        return planned
    left = state.settings.trainings - state.rows / state.full_rows
    return max(planned, min(MOST_SEEDS, int(left / max(finalists, 1))))


def _has_leftover(state: SearchState) -> bool:
    return state.settings.trainings is not None and state.closed is not None and state.closed.exhausted
