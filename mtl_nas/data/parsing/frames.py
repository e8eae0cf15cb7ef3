"""Frames in memory as raw columns: pandas, polars, and every library that speaks Arrow's PyCapsule interface."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from mtl_nas.data.parsing.raw import RawTable, refuse_repeated
from mtl_nas.errors import DataError


def is_frame(source: object) -> bool:
    """Whether a value is a frame in memory."""
    return (
        isinstance(source, pd.DataFrame | RawTable) or hasattr(source, "__arrow_c_stream__") or _is_lazy_polars(source)
    )


def raw_table(frame: Any) -> RawTable:
    """The columns of a frame: pandas, polars (a lazy frame is collected), Arrow, or a DuckDB relation.

    A record batch reader is read to its end, and can be read once.
    """
    if isinstance(frame, RawTable):
        return frame
    if isinstance(frame, pd.DataFrame):
        return RawTable.of(_arrow_of_pandas(frame))
    if _is_lazy_polars(frame):
        frame = frame.collect()
    try:
        return RawTable.of(frame if isinstance(frame, pa.Table) else pa.table(frame))
    except (pa.ArrowException, TypeError) as problem:
        raise DataError(f"the frame cannot be read: {str(problem).splitlines()[0]}") from None


def object_array(name: str, values: list[Any]) -> pa.Array | pa.ChunkedArray:
    """Python objects as a column; those of several types become text."""
    return _arrow_column(name, pd.Series(values, dtype=object))


def _is_lazy_polars(source: object) -> bool:
    return type(source).__name__ == "LazyFrame" and hasattr(source, "collect")


def _arrow_of_pandas(frame: pd.DataFrame) -> pa.Table:
    names = [str(name) for name in frame.columns]
    refuse_repeated(names)
    columns = [_arrow_column(name, frame.iloc[:, index]) for index, name in enumerate(names)]
    return pa.table(columns, names=names) if names else pa.table({})


def _arrow_column(name: str, values: "pd.Series[Any]") -> pa.Array | pa.ChunkedArray:
    if isinstance(values.dtype, pd.PeriodDtype):
        values = values.dt.to_timestamp()
    elif isinstance(values.dtype, pd.SparseDtype):
        values = values.astype(values.dtype.subtype)
    elif isinstance(values.dtype, pd.IntervalDtype | pd.CategoricalDtype):
        return _arrow_categorical(values)
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return _arrow_mixed(name, values)


def _arrow_categorical(values: "pd.Series[Any]") -> pa.Array | pa.ChunkedArray:
    categorical = pd.Categorical(values)
    levels = _arrow_column(str(values.name), pd.Series(categorical.categories.to_numpy(dtype=object)))
    return pa.DictionaryArray.from_arrays(pa.array(categorical.codes, mask=categorical.codes < 0), levels)


def _arrow_mixed(name: str, values: "pd.Series[Any]") -> pa.Array:
    """Objects of several types as text: numbers and booleans beside words."""
    texts: list[str | None] = []
    for row, value in enumerate(values):
        if isinstance(value, list | tuple | dict | set | np.ndarray):
            raise DataError(
                f"column '{name}' mixes values that are no levels, such as {value!r:.40} in row {row + 1}; ignore it"
            )
        texts.append(None if value is None or pd.isna(value) else spelled_object(value))
    return pa.array(texts, pa.large_string())


def spelled_object(value: object) -> str:
    """The text of a Python object in a column of several types: ``7`` and ``7.0`` are spelled alike.

    >>> spelled_object(7.0), spelled_object(True), spelled_object("a b")
    ('7', 'True', 'a b')
    """
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
