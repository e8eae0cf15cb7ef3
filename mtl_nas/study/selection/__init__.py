"""Selects the best finalist, scores finalists on the test rows, and makes ensembles of them."""

from mtl_nas.study.selection.ensemble import ensemble_test_predictions
from mtl_nas.study.selection.finalist_files import FinalistFiles, read_predictions

__all__ = ["FinalistFiles", "ensemble_test_predictions", "read_predictions"]
