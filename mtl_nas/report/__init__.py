"""The report of a run: one HTML page with charts, which opens without a network."""

from mtl_nas.report.writing import report, write_report

__all__ = ["report", "write_report"]
