"""What a run does next, as a pure function of what is known: the pilot, the search, the finalists."""

from collections.abc import Collection

from mtl_nas.record.state import Standing
from mtl_nas.study.schedule.actions import Decide, Finish, Step
from mtl_nas.study.schedule.asha import promotion_step
from mtl_nas.study.schedule.budget import Plan
from mtl_nas.study.schedule.finalists import chosen, final_step
from mtl_nas.study.schedule.leftover_budget import taken_up
from mtl_nas.study.schedule.pilot import pilot_step
from mtl_nas.study.schedule.successive_halving import halving_step


def next_step(standing: Standing, plan: Plan, running: Collection[int] = ()) -> Step:
    """The step at this standing; ``running``, the trials at work, counts in asynchronous promotion alone."""
    if standing.chosen is not None:
        return final_step(standing, plan, standing.chosen) or Finish()
    if step := pilot_step(standing, plan):
        return step
    asynchronous = plan.budget.promotion == "asynchronous"
    step = promotion_step(standing, plan, running) if asynchronous else halving_step(standing, plan)
    return step or Decide(taken_up(standing, plan) or (chosen(standing, plan),))
