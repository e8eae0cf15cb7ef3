"""List columns: flat values and how many belong to each row."""

import itertools
import json
import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.errors import DataError

_SEPARATORS = re.compile(r"[\s,;|]+")


def flat(values: "pd.Series[Any]") -> tuple["pd.Series[Any]", NDArray[np.int64]]:
    """All elements in order, and the length of each row's list; a missing list is empty.

    Text is read as a JSON list, or else as words between spaces, commas, semicolons or bars.
    """
    rows = [_elements(values.name, row, value) for row, value in enumerate(values)]
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    elements = list(itertools.chain.from_iterable(rows))
    return pd.Series(elements, name=values.name, dtype=object).infer_objects(), lengths


def is_list(value: object) -> bool:
    """A list, or text in square brackets."""
    return isinstance(value, list | tuple | np.ndarray) or (
        isinstance(value, str) and value.startswith("[") and value.endswith("]")
    )


def _elements(name: object, row: int, value: object) -> list[Any]:
    if isinstance(value, np.ndarray):
        elements: list[Any] = value.tolist()
        return elements
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return _spelled(value)
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        return []
    raise DataError(f"column '{name}' is a sequence, but row {row + 1} holds {value!r}")


def _spelled(value: str) -> list[Any]:
    if value.startswith("["):
        try:
            found = json.loads(value)
            return list(found)
        except json.JSONDecodeError:
            value = value.strip("[]").replace("'", "").replace('"', "")
    return [word for word in _SEPARATORS.split(value) if word]
