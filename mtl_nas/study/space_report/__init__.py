"""Conclusions from the trials of a run about its space."""

from mtl_nas.study.space_report.importance import Effect
from mtl_nas.study.space_report.range_edges import Edge
from mtl_nas.study.space_report.report import FEWEST_TRIALS, SpaceReport, report

__all__ = ["FEWEST_TRIALS", "Edge", "Effect", "SpaceReport", "report"]
