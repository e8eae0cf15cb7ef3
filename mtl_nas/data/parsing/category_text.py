"""Levels as text: one spelling for 1, 1.0 and "1", whichever file format a table comes from."""

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.errors import DataError

_WHOLE = re.compile(r"-?\d+\.0+")


def text(value: object) -> str:
    """The canonical spelling of a level.

    >>> [text(value) for value in (1, 1.0, "1.0", 0.5, True, "a b")]
    ['1', '1', '1', '0.5', 'True', 'a b']
    """
    if isinstance(value, str):
        return value.partition(".")[0] if _WHOLE.fullmatch(value) else value
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)


def factorize(values: "pd.Series[Any]") -> tuple[NDArray[np.intp], list[str]]:
    """Codes (-1: missing) and the text of each code; two codes may share a text."""
    try:
        codes, distinct = pd.factorize(values)
    except TypeError:
        raise DataError(f"column '{values.name}' mixes values that are no levels, such as lists; ignore it") from None
    if isinstance(distinct.dtype, np.dtype) and distinct.dtype.kind in "iu":
        return codes, list(map(str, distinct.tolist()))
    return codes, [text(value) for value in distinct]


def sort_levels(texts: set[str]) -> tuple[str, ...]:
    """Numbers by value, then words by spelling."""
    return tuple(sorted(texts, key=_rank))


def level_ids(values: "pd.Series[Any]", levels: tuple[str | None, ...], first: int) -> NDArray[np.int32]:
    """The id of each value: levels count from ``first``, unseen values get ``first - 1``."""
    codes, texts = factorize(values)
    id_of = {level: first + index for index, level in enumerate(levels)}
    ids = [id_of.get(level, first - 1) for level in (*texts, None)]
    return np.asarray(ids, dtype=np.int32)[codes]  # code -1 is the last entry: missing


def _rank(level: str) -> tuple[int, float, str]:
    try:
        return (0, float(level), level)
    except ValueError:
        return (1, 0.0, level)
