"""What a run does next, as a pure function of what is known: the pilot, the search, the finalists."""

from collections.abc import Collection

from mtl_nas.record.trials import Standing
from mtl_nas.study.finalists import chosen, final_step
from mtl_nas.study.halving import halving_step
from mtl_nas.study.leftover import taken_up
from mtl_nas.study.pilot import pilot_step
from mtl_nas.study.plan import Plan
from mtl_nas.study.promotion import promotion_step
from mtl_nas.study.steps import Decide, Finish, Step


def next_step(standing: Standing, plan: Plan, running: Collection[int] = ()) -> Step:
    """The step at this standing; ``running``, the trials at work, counts in asynchronous promotion alone."""
    if standing.chosen is not None:
        return final_step(standing, plan, standing.chosen) or Finish()
    if step := pilot_step(standing, plan):
        return step
    asynchronous = plan.budget.promotion == "asynchronous"
    step = promotion_step(standing, plan, running) if asynchronous else halving_step(standing, plan)
    return step or Decide(taken_up(standing, plan) or (chosen(standing, plan),))
