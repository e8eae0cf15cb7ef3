"""Conclusions from the trials of a run about its space."""

from mtl_nas.study.space_report.importance import Effect
from mtl_nas.study.space_report.range_edges import Edge
from mtl_nas.study.space_report.report import SpaceReport, report

__all__ = ["Edge", "Effect", "SpaceReport", "report"]
