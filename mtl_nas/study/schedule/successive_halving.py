"""Synchronous successive halving in cohorts (Jamieson and Talwalkar, 2016).

A cohort is proposed and trained to the first rung. When all its results are there, its trials among the best ``1 /
reduction`` of all that reached the rung are promoted. The order of results has no effect, so that equal seeds give
equal decisions with any number of workers. The baseline and the best preset are never stopped.
"""

import math
from collections.abc import Sequence

from mtl_nas.record import Event, Promoted, Stopped, Trial
from mtl_nas.study.jobs import Job
from mtl_nas.study.objectives import BASELINE
from mtl_nas.study.schedule.actions import Action, Decide, Propose, Train, trial_job
from mtl_nas.study.schedule.budget import (
    first_origins,
    next_rung,
    proposals_left,
    rungs_in_use,
    untried_origin,
    work_left,
)
from mtl_nas.study.search_state import SearchState


def halving_action(state: SearchState) -> Action | None:
    """The next action before the finalists, or None at its end."""
    room, origin = proposals_left(state), untried_origin(state)
    if origin and not state.portfolio and state.closed is None and (room > 0 or state.settings.trainings is None):
        return Propose(origin)  # more presets than trials
    waiting = [trial for trial in state.trained if not state.settled(trial)]
    cohort_is_open = all(not trial.scored for trial in waiting) and len(state.trained) < _barrier_size(state)
    if room > 0 and (not waiting or cohort_is_open):
        return Propose(origin)
    if jobs := _jobs(state, waiting):
        return Train(jobs)
    return Decide(_at_barrier(state, waiting)) if waiting else None


def _barrier_size(state: SearchState) -> int:
    """The number of trials before the next barrier: cohorts; without a portfolio, the presets are in the first one."""
    settled = sum(state.settled(trial) for trial in state.trained)
    size = state.settings.cohort if state.portfolio else max(len(first_origins(state)), state.settings.cohort)
    while size <= settled:
        size += state.settings.cohort
    return size


def _jobs(state: SearchState, waiting: Sequence[Trial]) -> tuple[Job, ...]:
    rungs = {trial.number: next_rung(state, trial) for trial in waiting}
    lowest = min(rungs.values(), default=0)  # the rung of all, unless a crash cut the events of a barrier short
    return tuple(
        trial_job(state, trial) for trial in waiting if rungs[trial.number] == lowest and lowest not in trial.scored
    )


def _at_barrier(state: SearchState, waiting: Sequence[Trial]) -> tuple[Event, ...]:
    """Promote or stop the trials that wait at the lowest rung."""
    settings, rungs = state.settings, rungs_in_use(state)
    rung = min(next_rung(state, trial) for trial in waiting)
    above = rungs[rungs.index(rung) + 1]
    first = {trial.original: trial for trial in reversed(state.trained) if rung in trial.scored}  # one per proposal
    reached = state.ordered(first.values(), rung)
    promotions = math.ceil(len(reached) / settings.reduction)
    ranks = {trial.original: rank for rank, trial in enumerate(reached, start=1)}
    best_preset = next((trial for trial in reached if trial.preset is not None), None)
    safe = {trial.number for trial in waiting if trial is best_preset or trial.preset == BASELINE}
    cost = settings.rungs[above] - settings.rungs[rung]
    left = work_left(state) - len(safe) * (1.0 - settings.rungs[rung])  # net of the work of safe trials to the end
    cut = f" {state.values(reached[promotions - 1], rung)[0]:.4f}" if state.objective.single else ""
    events: list[Promoted | Stopped] = []
    for trial in sorted(waiting, key=lambda trial: (ranks[trial.original], trial.number)):
        rank = ranks[trial.original]
        text = f"rank {rank} of {len(reached)} at rung {rung}"
        if rank <= promotions and (trial.number in safe or left >= cost):
            events.append(Promoted(number=trial.number, rung=above, reason=f"within cut{cut} ({text})"))
            left -= 0.0 if trial.number in safe else cost
        elif trial.number in safe:
            why = "the best preset" if trial is best_preset else "the baseline of gain"
            events.append(Promoted(number=trial.number, rung=above, reason=f"{why} ({text})"))
        else:
            why = f"below cut{cut}" if rank > promotions else "no work is left for it"
            events.append(Stopped(number=trial.number, rung=rung, reason=f"{why} ({text})"))
    undecided = {trial.number for trial in waiting if next_rung(state, trial) == rung}
    return tuple(sorted((event for event in events if event.number in undecided), key=lambda event: event.number))
