"""Designs side by side."""

from mtl_nas.comparison.comparison import Comparison, compare
from mtl_nas.comparison.tables import tables

__all__ = ["Comparison", "compare", "tables"]
