"""Decides what a search does next: pure functions of its state.

next_action.py        pilot, then rungs, then finalists
actions.py            what can be done next
budget.py             what the budget allows, and how much of it is used
pilot.py              the first trials: noise, and which rungs can be trusted
successive_halving.py, asha.py    promotion at barriers, or as soon as a worker is free
leftover_budget.py    the work that a small space leaves
finalists.py          training on fresh seeds, and the race
"""
