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

from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.model_export import export
from mtl_nas.study.run import Run, load_run
from mtl_nas.study.runner import resume, search

__all__ = ["Resources", "Run", "export", "load_run", "resume", "search"]
