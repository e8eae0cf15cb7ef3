"""List columns: the elements of all rows and the length of each row's list."""

import itertools
import json
import re
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.errors import DataError

_SEPARATORS = re.compile(r"[\s,;|]+")


class ListColumn(NamedTuple):
    """A column of lists; ``lengths`` (N,) adds up to the number of elements."""

    elements: "pd.Series[Any]"
    lengths: NDArray[np.int64]


def read_lists(values: "pd.Series[Any]") -> ListColumn:
    """The lists of a column; a missing list is empty.

    Text is read as a JSON list, or else as words between spaces, commas, semicolons or bars.
    """
    rows = [_row_elements(values.name, row, value) for row, value in enumerate(values)]
    lengths = np.fromiter(map(len, rows), dtype=np.int64, count=len(rows))
    elements = list(itertools.chain.from_iterable(rows))
    return ListColumn(pd.Series(elements, name=values.name, dtype=object).infer_objects(), lengths)


def is_list(value: object) -> bool:
    """Whether a value is a list, or text in square brackets."""
    return isinstance(value, list | tuple | np.ndarray) or (
        isinstance(value, str) and value.startswith("[") and value.endswith("]")
    )


def _row_elements(name: object, row: int, value: object) -> list[Any]:
    if isinstance(value, np.ndarray):
        elements: list[Any] = value.tolist()
        return elements
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, str):
        return _elements_of_text(value)
    if value is None or bool(pd.isna(value)):  # type: ignore[call-overload]
        return []
    raise DataError(f"column '{name}' is a sequence, but row {row + 1} holds {value!r}")


def _elements_of_text(value: str) -> list[Any]:
    if value.startswith("["):
        try:
            return list(json.loads(value))
        except json.JSONDecodeError:
            value = value.strip("[]").replace("'", "").replace('"', "")
    return [word for word in _SEPARATORS.split(value) if word]
