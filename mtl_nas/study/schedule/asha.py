"""Asynchronous promotion: no barrier, for clusters whose trials take ragged times (ASHA; Li et al., 2020).

A trial goes on as soon as it is among the best ``1 / reduction`` of those that reached its rung; no worker
waits. What it decides depends on who arrives first, so only one worker repeats a search exactly.
"""

from collections.abc import Collection
from itertools import pairwise

from mtl_nas.record.events import Promoted, Stopped
from mtl_nas.record.state import Standing
from mtl_nas.study.schedule.actions import Ask, Decide, Step, Train, trial_job
from mtl_nas.study.schedule.budget import Plan


def promotion_step(standing: Standing, plan: Plan, running: Collection[int]) -> Step | None:
    """The next step, None when all that the budget allows is trained; ``running``: numbers of trials at work."""
    waiting = [trial for trial in standing.trained if not plan.settled(trial)]
    jobs = tuple(
        trial_job(standing, plan, trial) for trial in waiting if plan.goes_to(standing, trial) not in trial.scored
    )
    if any(job.number not in running for job in jobs):
        return Train(jobs)
    if promoted := _promotable(standing, plan):
        return Decide((promoted,))
    proposed = {trial.preset for trial in standing.trials.values()}
    if plan.room(standing) > 0:
        return Ask(preset=next((name for name in plan.tried_presets if name not in proposed), None))
    if jobs:
        return Train(jobs)
    stopped = tuple(
        Stopped(number=trial.number, rung=max(trial.scored), reason="not among the best of its rung at the end")
        for trial in waiting
    )
    return Decide(stopped) if stopped else None


def _promotable(standing: Standing, plan: Plan) -> Promoted | None:
    rungs = plan.rungs(standing)
    if plan.left(standing) <= plan.underway(standing):
        return None
    for rung, above in reversed(list(pairwise(rungs))):
        reached = plan.goal.order(standing, (trial for trial in standing.trained if rung in trial.scored), rung)
        places = int(len(reached) / plan.budget.reduction)
        for place, trial in enumerate(reached[:places], start=1):
            if not plan.settled(trial) and trial.rung <= rung:
                reason = f"rank {place} of {len(reached)} at rung {rung}"
                return Promoted(number=trial.number, rung=above, reason=reason)
    return None
