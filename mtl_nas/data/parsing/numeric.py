"""Columns read as numbers."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.errors import DataError


def numerals(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """One float a row: NaN where missing or infinite; times as seconds since 1970; text that spells numbers is read."""
    numbers, wrong = parsed(values)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"column '{values.name}' is a number, but row {row + 1} holds {values.iloc[row]!r}")
    return numbers


def parsed(values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers, and where there is a value that spells none."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        moments = values.dt.tz_localize(None) if getattr(values.dtype, "tz", None) is not None else values
        numbers = (moments - pd.Timestamp(0)).dt.total_seconds().to_numpy(dtype=np.float64)
    elif pd.api.types.is_timedelta64_dtype(values.dtype):
        numbers = values.dt.total_seconds().to_numpy(dtype=np.float64)
    elif pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    blank = values.isna().to_numpy()
    wrong = np.isnan(numbers) & ~blank
    if wrong.any():
        rows = np.flatnonzero(wrong)
        wrong[rows] = [str(value).strip().lower() not in ("", "nan") for value in values.iloc[rows]]
    return np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64), wrong
