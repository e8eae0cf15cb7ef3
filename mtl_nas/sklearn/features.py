"""X as raw columns: arrays by position, frames by name."""

from typing import Any

import pandas as pd
import pyarrow as pa
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, validate_data

from mtl_nas.data import RawTable, is_frame, raw_table


def features(estimator: BaseEstimator, values: Any, *, reset: bool) -> RawTable:
    """The columns of X; ``reset`` sets the number and the names of the features, without it they are checked.

    Raises:
        ValueError: X has no two dimensions, no rows or columns, or other columns than ``fit`` saw.
        TypeError: X is sparse, or some names of columns are text and others are not.
    """
    frame = _named(values) if is_frame(values) else check_array(values, dtype=None, ensure_all_finite=False)
    validate_data(estimator, frame, reset=reset, skip_check_array=True)
    if len(frame) == 0 or frame.shape[1] == 0:
        raise ValueError(f"X has {len(frame)} rows and {frame.shape[1]} columns; it needs one of each at least")
    names = feature_names(estimator)
    if isinstance(frame, pd.DataFrame):
        return raw_table(frame.set_axis(names, axis="columns"))
    if isinstance(frame, pa.Table):
        return RawTable.of(frame.rename_columns(names))
    return raw_table(pd.DataFrame(frame, columns=names))


def feature_names(estimator: BaseEstimator) -> list[str]:
    """The names of the features that ``fit`` saw; x0, x1 and so on where columns have no names."""
    if hasattr(estimator, "feature_names_in_"):
        return list(map(str, estimator.feature_names_in_))
    return [f"x{index}" for index in range(estimator.n_features_in_)]


def _named(frame: Any) -> Any:
    """The frame as one of which scikit-learn reads the names: pandas or Arrow."""
    if isinstance(frame, pd.DataFrame | pa.Table):
        return frame
    return pa.table(frame.collect() if hasattr(frame, "collect") else frame)
