"""Columns read as numbers."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.errors import DataError


def read_numbers(values: "pd.Series[Any]") -> NDArray[np.float64]:
    """One float per row, as ``parse_numbers`` reads it; DataError naming the first row that spells no number."""
    numbers, invalid = parse_numbers(values)
    if invalid.any():
        row = int(np.flatnonzero(invalid)[0])
        raise DataError(f"column '{values.name}' is a number, but row {row + 1} holds {values.iloc[row]!r}")
    return numbers


def parse_numbers(values: "pd.Series[Any]") -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers, NaN where missing or infinite, and the rows whose value spells no number; (N,) each.

    Times are seconds since 1970, durations are seconds, text is read as a number.
    """
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        wall_times = values.dt.tz_localize(None) if getattr(values.dtype, "tz", None) is not None else values
        numbers = (wall_times - pd.Timestamp(0)).dt.total_seconds().to_numpy(dtype=np.float64)
    elif pd.api.types.is_timedelta64_dtype(values.dtype):
        numbers = values.dt.total_seconds().to_numpy(dtype=np.float64)
    elif pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    invalid = np.isnan(numbers) & ~values.isna().to_numpy()
    if invalid.any():
        rows = np.flatnonzero(invalid)
        invalid[rows] = [str(value).strip().lower() not in ("", "nan") for value in values.iloc[rows]]
    return np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64), invalid


def single_precision(numbers: NDArray[np.float64]) -> NDArray[np.float32]:
    """The numbers as float32; NaN where a number is too large."""
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    single[~np.isfinite(single)] = np.nan
    return single
