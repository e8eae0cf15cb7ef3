"""Asynchronous successive halving without barriers, for trials of very different duration (ASHA; Li et al., 2020).

A trial is promoted as soon as it is among the best ``1 / reduction`` of those that reached its rung, so that no worker
waits. Decisions depend on the order of results, so that only a search with one worker is reproducible.
"""

from collections.abc import Collection
from itertools import pairwise

from mtl_nas.record import Promoted, Stopped
from mtl_nas.study.schedule.actions import Action, Decide, Propose, Train, trial_job
from mtl_nas.study.schedule.budget import (
    next_rung,
    proposals_left,
    rungs_in_use,
    untried_origin,
    work_left,
    work_underway,
)
from mtl_nas.study.search_state import SearchState


def asha_action(state: SearchState, running: Collection[int]) -> Action | None:
    """The next action before the finalists, or None at its end; ``running`` are the numbers of trials with a job."""
    waiting = [trial for trial in state.trained if not state.settled(trial)]
    jobs = tuple(trial_job(state, trial) for trial in waiting if next_rung(state, trial) not in trial.scored)
    if any(job.number not in running for job in jobs):
        return Train(jobs)
    if promoted := _promotable(state):
        return Decide((promoted,))
    if proposals_left(state) > 0:
        return Propose(untried_origin(state))
    if jobs:
        return Train(jobs)
    stopped = tuple(
        Stopped(number=trial.number, rung=max(trial.scored), reason="not among the best of its rung at the end")
        for trial in waiting
    )
    return Decide(stopped) if stopped else None


def _promotable(state: SearchState) -> Promoted | None:
    if work_left(state) <= work_underway(state):
        return None
    for rung, above in reversed(list(pairwise(rungs_in_use(state)))):
        reached = state.ordered((trial for trial in state.trained if rung in trial.scored), rung)
        promotions = int(len(reached) / state.settings.reduction)
        for rank, trial in enumerate(reached[:promotions], start=1):
            if not state.settled(trial) and trial.rung <= rung:
                reason = f"rank {rank} of {len(reached)} at rung {rung}"
                return Promoted(number=trial.number, rung=above, reason=reason)
    return None
