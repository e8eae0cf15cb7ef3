"""The next action of a search: the pilot, the search itself, then the comparison of its best designs."""

from collections.abc import Collection

from mtl_nas.study.schedule.actions import Action, Decide, Finish
from mtl_nas.study.schedule.asha import asha_action
from mtl_nas.study.schedule.best_network import better_network
from mtl_nas.study.schedule.comparison import choose_designs
from mtl_nas.study.schedule.finalists import final_action
from mtl_nas.study.schedule.leftover_budget import late_promotions
from mtl_nas.study.schedule.pilot import pilot_action
from mtl_nas.study.schedule.successive_halving import halving_action
from mtl_nas.study.search_state import SearchState


def next_action(state: SearchState, running: Collection[int] = ()) -> Action:
    """The action that follows from the state; asynchronous promotion needs the numbers of ``running`` trials too."""
    if selected := better_network(state):
        return Decide((selected,))
    if state.chosen is not None:
        return final_action(state, state.chosen) or Finish()
    if action := pilot_action(state):
        return action
    asynchronous = state.settings.promotion == "asynchronous"
    action = asha_action(state, running) if asynchronous else halving_action(state)
    return action or Decide(late_promotions(state) or (choose_designs(state),))
