"""Decides the next action of a search, by pure functions of its state.

next_action.py        pilot, then rungs, then finalists
actions.py            the kinds of action
budget.py             the work that the budget allows, and how much of it is done
pilot.py              the first trials: noise, and which rungs are reliable
successive_halving.py, asha.py    promotion at barriers, or as soon as a worker is free
leftover_budget.py    the work that is left if a space is exhausted early
finalists.py          training on fresh seeds, and the race
"""
