"""Designs side by side."""

from mtl_nas.comparison.comparison import Comparison, compare
from mtl_nas.comparison.tables import diagnosed, diagnoses, tables

__all__ = ["Comparison", "compare", "diagnosed", "diagnoses", "tables"]
