"""Label columns: their kind, their classes, their codes."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing import category_text
from mtl_nas.data.parsing.numeric import numerals, parsed
from mtl_nas.data.schema import Task, TaskKind
from mtl_nas.errors import DataError

MOST_CLASSES = 100
MOST_WHOLE_NUMBERS = 20
STRAY = 0.1  # a share of text below which a label is a number with mistakes
PAIRS = {"0": "1", "-1": "1", "false": "true", "no": "yes", "n": "y", "f": "t", "negative": "positive"}


def label_kind(values: "pd.Series[Any]", task: str) -> TaskKind:
    """Two values: binary; up to 100 texts or up to 20 whole numbers: multiclass; other numbers: regression.

    Counts and ordered classes are declared: their labels look like those of other kinds.
    """
    wrong = parsed(values)[1]
    if 0 < wrong.sum() <= STRAY * int(values.notna().sum()):
        numerals(values)  # refuses the first text among numbers
    return distinct_kind(values, task)


def distinct_kind(values: "pd.Series[Any]", task: str) -> TaskKind:
    """The same from labels of which each may be given once."""
    texts = set(category_text.coded(values)[1])
    numbers, wrong = parsed(values)
    if len(texts) < 2:
        raise _one_class(task, texts)
    if len(texts) == 2:
        return "binary"
    if wrong.any():
        if len(texts) > MOST_CLASSES:
            raise DataError(
                f"task '{task}' has {len(texts)} different texts as labels; at most {MOST_CLASSES} are classes"
            )
        return "multiclass"
    known = numbers[~np.isnan(numbers)]
    whole = len(texts) <= MOST_WHOLE_NUMBERS and bool((known == np.floor(known)).all()) and known.min() >= 0
    return "multiclass" if whole else "regression"


def label_classes(
    values: "pd.Series[Any]", task: str, kind: TaskKind, positive: str | None = None, order: Sequence[str] = ()
) -> tuple[str, ...]:
    """The classes in the order of their codes; none for numbers."""
    if kind in ("regression", "count"):
        return ()
    texts = set(category_text.coded(values)[1])
    if len(texts) < 2:
        raise _one_class(task, texts)
    first = category_text.ordered(texts)
    if kind == "multiclass":
        return first
    if kind == "ordinal":
        return _in_order(values, task, first, order)
    if len(texts) > 2:
        shown = ", ".join(first[:5])
        raise DataError(
            f"task '{task}' is binary, but its labels have {len(texts)} values: {shown}; say kind: multiclass"
        )
    if positive is not None:
        if positive not in texts:
            raise DataError(
                f"task '{task}': the positive label is '{positive}', but the labels are {' and '.join(first)}"
            )
        return tuple(sorted(texts, key=lambda text: text == positive))
    flipped = PAIRS.get(first[1].lower()) == first[0].lower()
    return first[::-1] if flipped else first


def label_codes(values: "pd.Series[Any]", kind: TaskKind, classes: tuple[str, ...]) -> NDArray[np.float64]:
    """Codes of classes, or the numbers themselves; NaN where missing or a class that was never declared."""
    if kind in ("regression", "count"):
        return numerals(values)
    codes = category_text.ids(values, classes, 0).astype(np.float64)
    codes[codes < 0] = np.nan
    return codes


def label_values(codes: NDArray[np.floating[Any]], task: Task) -> "pd.Series[Any]":
    """Codes as they are shown: numbers, 0 and 1, or the text of a class."""
    if task.numeric:
        return pd.Series(codes, name=task.name)
    if task.classes == ("0", "1"):
        return pd.Series(codes if np.isnan(codes).any() else codes.astype(np.int64), name=task.name)
    texts = np.array([*task.classes, None], dtype=object)
    places = np.where(np.isnan(codes), len(task.classes), codes).astype(np.int64)
    return pd.Series(texts[places], name=task.name, dtype=object)


def outside(codes: NDArray[np.float64], tasks: Iterable[Task]) -> NDArray[np.bool_]:
    """(N, T): rows outside the sample space of each task."""
    mask = np.zeros(codes.shape, dtype=bool)
    places: dict[str, int] = {}
    for place, task in enumerate(tasks):
        places[task.name] = place
        if task.where is not None:
            condition = places[task.where]
            mask[:, place] = (codes[:, condition] != 1) | mask[:, condition]
    return mask


def refuse_impossible(labels: NDArray[np.float64], tasks: Iterable[Task]) -> None:
    """DataError naming the first row of (N, T) whose number a count or an amount cannot be."""
    for task, column in zip(tasks, labels.T, strict=True):
        if task.kind == "count":
            rows = np.flatnonzero((column < 0) | (column % 1 > 0))  # NaN is neither
            rule = "a count is a whole number from 0: mend the label, or say kind: regression"
        elif task.loss == "ziln":
            rows = np.flatnonzero(column < 0)
            rule = "an amount under loss ziln is 0 or more: mend the label, or choose another loss"
        else:
            continue
        if len(rows):
            raise DataError(f"task '{task.name}': row {rows[0] + 1} holds {column[rows[0]]:g}, but {rule}")


def _in_order(values: "pd.Series[Any]", task: str, found: tuple[str, ...], order: Sequence[str]) -> tuple[str, ...]:
    """Ordered classes: as declared, or numbers by value."""
    if not order:
        if parsed(values)[1].any():
            shown = ", ".join(found[:5]) + (" ..." if len(found) > 5 else "")
            raise DataError(f"task '{task}' is ordinal, but its labels are words: {shown}; say order: [lowest, ...]")
        if len(found) > MOST_CLASSES:
            raise DataError(
                f"task '{task}' is ordinal, but its labels have {len(found)} values; at most {MOST_CLASSES} are "
                "classes: say kind: regression"
            )
    strange = [text for text in found if order and text not in order]
    if strange:
        raise DataError(f"task '{task}': order names {', '.join(order)}, but a label is '{strange[0]}'; name it too")
    classes = tuple(order) or found
    if len(classes) < 3:
        raise DataError(f"task '{task}' is ordinal, but has {len(classes)} classes; say kind: binary")
    return classes


def _one_class(task: str, texts: set[str]) -> DataError:
    if texts:
        return DataError(f"task '{task}' has one class: every label is '{next(iter(texts))}'")
    return DataError(f"task '{task}' has no label in any row")
