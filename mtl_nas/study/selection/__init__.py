"""Selects the model that is taken away, a network or an ensemble, and scores the compared designs on the test rows."""

from mtl_nas.study.selection.best_folder import BestFolder
from mtl_nas.study.selection.ensemble import ensemble_test_predictions
from mtl_nas.study.selection.finalist_files import FinalistFiles, read_predictions

__all__ = ["BestFolder", "FinalistFiles", "ensemble_test_predictions", "read_predictions"]
