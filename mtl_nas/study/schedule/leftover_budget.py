"""What becomes of the work that a small space leaves: what was tried is looked at more closely."""

from mtl_nas.record.events import Promoted
from mtl_nas.record.state import Standing
from mtl_nas.study.schedule.budget import Plan

MOST_SEEDS = 10  # of a finalist


def taken_up(standing: Standing, plan: Plan) -> tuple[Promoted, ...]:
    """Trials that were cut and are trained to the end after all, the farthest and best first."""
    if not _has_leftover(standing, plan):
        return ()
    cut = (trial for trial in standing.trained if trial.stopped is not None and trial.failed is None)
    left, found = plan.left(standing), []
    for trial in plan.goal.far_and_good(standing, cut):
        cost = 1.0 - plan.budget.rungs[max(trial.scored)]
        if cost <= left:
            left -= cost
            reason = "the space has nothing new, and work is left for it"
            found.append(Promoted(number=trial.number, rung=len(plan.budget.rungs) - 1, reason=reason))
    return tuple(found)


def seeds_for(standing: Standing, plan: Plan, finalists: int) -> int:
    """How many seeds the finalists have: those of the plan, or as many as the work left allows."""
    planned = plan.finals(standing)[1]
    if plan.budget.trainings is None or not _has_leftover(standing, plan):
        return planned
    left = plan.budget.trainings - plan.spent(standing)
    return max(planned, min(MOST_SEEDS, int(left / max(finalists, 1))))


def _has_leftover(standing: Standing, plan: Plan) -> bool:
    bounded = plan.budget.trainings is not None
    return bounded and standing.closed is not None and standing.closed.exhausted
