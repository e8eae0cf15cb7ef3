"""Searching: proposes designs, trains them on Ray workers, selects the best. The only package that uses ray or optuna.

runner.py, run.py         from beginning to end; a run that was made
driver.py                 the loop: next action, jobs, results
proposer.py, samplers/    what is proposed
schedule/                 what is done next
execution/                workers
selection/                the best finalist
objectives/, search_state.py    what designs are compared by
space_report/             what a run says about its space
"""

from mtl_nas.study.cost_estimate import CostEstimate, estimate_cost
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.model_export import export
from mtl_nas.study.objectives import BASELINE, limit_sentences, limits_with_default
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.runner import resume, search
from mtl_nas.study.search_file import SearchFile, read_search

__all__ = [
    "BASELINE",
    "CostEstimate",
    "Resources",
    "Run",
    "SearchFile",
    "estimate_cost",
    "export",
    "limit_sentences",
    "limits_with_default",
    "load_run",
    "read_search",
    "resume",
    "search",
]
