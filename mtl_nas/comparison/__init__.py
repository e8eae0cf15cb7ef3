"""Comparison of designs on the test rows: scores, gains over the baseline, ties, costs."""

from mtl_nas.comparison.comparison import Comparison, compare
from mtl_nas.comparison.summary import summary
from mtl_nas.comparison.tables import diagnosed, diagnoses, sentence, short, signed, tables, trees_sentence

__all__ = [
    "Comparison",
    "compare",
    "diagnosed",
    "diagnoses",
    "sentence",
    "short",
    "signed",
    "summary",
    "tables",
    "trees_sentence",
]
