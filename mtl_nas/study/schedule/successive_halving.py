"""Synchronous successive halving in cohorts (Jamieson and Talwalkar, 2016).

A cohort is proposed, trained to the first rung, and only when all of it has arrived are its best promoted: those
among the best ``1 / reduction`` of all trials that reached that rung. So arrival order never matters, and the same
seed decides the same with any number of workers. The single-task preset (the baseline of gain) and the best preset
are never cut.
"""

import math

from mtl_nas.record.events import Event, Promoted, Stopped
from mtl_nas.record.state import Standing, Trial
from mtl_nas.study.jobs import Job
from mtl_nas.study.objectives.objective import BASELINE
from mtl_nas.study.schedule.actions import Ask, Decide, Step, Train, trial_job
from mtl_nas.study.schedule.budget import Plan

SLACK = 0.0  # full trainings that promotions may take beyond the search's share


def halving_step(standing: Standing, plan: Plan) -> Step | None:
    """The next step, None when all that the budget allows is trained."""
    room = plan.room(standing)
    proposed = {trial.preset for trial in standing.trials.values()}
    if standing.closed is None and (room > 0 or plan.budget.trainings is None):
        for name in plan.tried_presets:
            if name not in proposed:
                return Ask(preset=name)
    waiting = [trial for trial in standing.trained if not plan.settled(trial)]
    gathering = all(not trial.scored for trial in waiting) and len(standing.trained) < _boundary(standing, plan)
    if room > 0 and (not waiting or gathering):
        return Ask()
    jobs = _jobs(standing, plan, waiting)
    if jobs:
        return Train(jobs)
    events = _barrier(standing, plan, waiting)
    return Decide(events) if events else None


def _boundary(standing: Standing, plan: Plan) -> int:
    """How many trials come before the barrier in force: presets, at least a cohort; then a cohort more each time."""
    settled = sum(plan.settled(trial) for trial in standing.trained)
    boundary = max(len(plan.tried_presets), plan.budget.cohort)
    while boundary <= settled:
        boundary += plan.budget.cohort
    return boundary


def _jobs(standing: Standing, plan: Plan, waiting: list[Trial]) -> tuple[Job, ...]:
    goes = {trial.number: plan.goes_to(standing, trial) for trial in waiting}
    lowest = min(goes.values(), default=0)  # that of all, unless a barrier is half written
    return tuple(
        trial_job(standing, plan, trial)
        for trial in waiting
        if goes[trial.number] == lowest and lowest not in trial.scored
    )


def _barrier(standing: Standing, plan: Plan, waiting: list[Trial]) -> tuple[Event, ...]:
    """Promotions and stops at the lowest rung where a cohort waits; nothing where none waits."""
    if not waiting:
        return ()
    rungs = plan.rungs(standing)
    rung = min(plan.goes_to(standing, trial) for trial in waiting)
    above = rungs[rungs.index(rung) + 1]
    first = {trial.original: trial for trial in reversed(standing.trained) if rung in trial.scored}  # of those alike
    reached = plan.goal.order(standing, first.values(), rung)
    places = math.ceil(len(reached) / plan.budget.reduction)
    rank = {trial.original: place for place, trial in enumerate(reached, start=1)}
    best_preset = next((trial for trial in reached if trial.preset is not None), None)
    safe = {trial.number for trial in waiting if trial is best_preset or trial.preset == BASELINE}
    cost = plan.budget.rungs[above] - plan.budget.rungs[rung]
    left = plan.left(standing) + SLACK - len(safe) * (1.0 - plan.budget.rungs[rung])  # theirs to the end
    cut = f" {plan.goal.values(standing, reached[places - 1], rung)[0]:.4f}" if plan.goal.single else ""
    events: list[Promoted | Stopped] = []
    for trial in sorted(waiting, key=lambda one: (rank[one.original], one.number)):  # promoted just now or not yet
        place = rank[trial.original]
        text = f"rank {place} of {len(reached)} at rung {rung}"
        if place <= places and (trial.number in safe or left >= cost):
            events.append(Promoted(number=trial.number, rung=above, reason=f"within cut{cut} ({text})"))
            left -= 0.0 if trial.number in safe else cost
        elif trial.number in safe:
            why = "the best preset" if trial is best_preset else "the baseline of gain"
            events.append(Promoted(number=trial.number, rung=above, reason=f"{why} ({text})"))
        else:
            why = f"below cut{cut}" if place > places else "no work is left for it"
            events.append(Stopped(number=trial.number, rung=rung, reason=f"{why} ({text})"))
    undecided = {trial.number for trial in waiting if plan.goes_to(standing, trial) == rung}
    return tuple(sorted((event for event in events if event.number in undecided), key=lambda event: event.number))
