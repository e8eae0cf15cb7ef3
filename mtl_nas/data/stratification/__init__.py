"""Random parts of a table in which every label value has its share of rows, for all tasks at once.

Rows are told apart by the combination of their labels alone, so the work depends on the number of combinations.
"""

from mtl_nas.data.stratification.combinations import Combinations, LabelCombinations
from mtl_nas.data.stratification.draw import draw, draw_groups, draw_rows

__all__ = ["Combinations", "LabelCombinations", "draw", "draw_groups", "draw_rows"]
