"""Searching: proposes designs, trains them on Ray workers, selects the best. The only package that uses ray or optuna.

runner.py, run.py         ``search`` and ``resume``; the results of a run
more_seeds.py             further seeds for the designs that a finished search has compared
planning.py               the number of trials, where nothing is said
driver.py                 the loop: next action, jobs, results
proposer.py, samplers/    proposals of trials
schedule/                 the decision on the next action
execution/                workers
selection/                the model that is taken away
objectives/, search_state.py    the values by which designs are compared
space_report/             conclusions from a run about its space
"""

from mtl_nas.study.cost_estimate import CostEstimate, estimate_cost
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.model_export import export
from mtl_nas.study.more_seeds import add_seeds
from mtl_nas.study.objectives import BASELINE, limit_sentences, limits_with_default
from mtl_nas.study.planning import Plan, plan
from mtl_nas.study.run import Run, data_of_run, load_run
from mtl_nas.study.runner import resume, search
from mtl_nas.study.search_file import SearchFile, read_search

__all__ = [
    "BASELINE",
    "CostEstimate",
    "Plan",
    "Resources",
    "Run",
    "SearchFile",
    "add_seeds",
    "data_of_run",
    "estimate_cost",
    "export",
    "limit_sentences",
    "limits_with_default",
    "load_run",
    "plan",
    "read_search",
    "resume",
    "search",
]
