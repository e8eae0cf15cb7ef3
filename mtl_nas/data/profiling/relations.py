"""Feature columns that look like labels: events in them that happen only where a label is 1, or the other way round."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.parsing.levels import NUMBER
from mtl_nas.data.schema import Category, Schema, Task
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.kinds.binary import POSITIVES
from mtl_nas.data.tasks.nesting import chance_of_nesting

CHANCE = 1e-9  # probability above which nestedness may be chance, among thousands of columns
MOST_EXCEPTIONS = 0.01  # share of the rows of an event outside of the label that it needs
SELDOM = 0.02  # share of rows below which, or above whose complement, an event says little
POSITIVE_WORDS = {"1", *POSITIVES.values()}


class Event(NamedTuple):
    """Rows in which something is the case: ``happens`` (N,) where ``words`` say what; ``is_flag``: as in a label."""

    words: str
    happens: NDArray[np.bool_]
    is_flag: bool = False


def label_like(rows: Rows, schema: Schema) -> dict[str, str]:
    """What makes a feature column look like another label, in words, by column; the first sign of each."""
    signs: dict[str, str] = {}
    labels = [(task, *_label_event(task, rows.labels[:, index])) for index, task in enumerate(schema.tasks)]
    for column, event in _feature_events(rows, schema):
        if column in signs or not SELDOM / 20 < event.happens.mean() < 1 - SELDOM:
            continue
        for task, words, known, happens in labels:
            sign = _sign(event, task, words, known, happens)
            if sign is not None:
                signs[column] = sign
                break
    return signs


def _sign(event: Event, task: Task, words: str, known: NDArray[np.bool_], happens: NDArray[np.bool_]) -> str | None:
    inside, label = event.happens[known], happens[known]
    if not SELDOM / 20 < label.mean() < 1 - SELDOM:
        return None
    if _needs(inside, label):
        return f"{event.words} only where '{task.name}' {words}"
    if event.is_flag and _needs(label, inside):
        return f"is {_positive(event)} wherever '{task.name}' {words}"
    return None


def _positive(event: Event) -> str:
    return event.words.removeprefix("is ")


def _needs(event: NDArray[np.bool_], condition: NDArray[np.bool_]) -> bool:
    happened = int(event.sum())
    if not happened or (event & ~condition).sum() > MOST_EXCEPTIONS * happened:
        return False
    return chance_of_nesting(event, condition) < CHANCE


def _label_event(task: Task, labels: NDArray[np.floating]) -> tuple[str, NDArray[np.bool_], NDArray[np.bool_]]:
    """An event of a task in words, the rows in which it is known, and those in which it happens."""
    known = ~np.isnan(labels)
    if task.rules.is_event:
        return f"is {task.classes[1]}", known, labels == 1
    if known.mean() < 1 - SELDOM:
        return "has a label", np.ones_like(known), known
    if not task.rules.has_classes and np.nanmin(labels) + task.origin == 0:
        return "is above 0", known, labels + task.origin > 0
    return "", known, np.zeros_like(known)


def _feature_events(rows: Rows, schema: Schema) -> Iterator[tuple[str, Event]]:
    for index, column in enumerate(schema.categories):
        for event in _category_events(column, rows.categories[:, index]):
            yield column.name, event
    lengths = {f"length({part.name})" for part in schema.sequences}
    for index, number in enumerate(schema.numbers):
        if number.name in lengths:
            continue
        values = rows.numbers[:, index]
        if number.missing:
            yield number.name, Event("has a value", ~np.isnan(values))
        if number.quantiles[0] + number.origin == 0:
            yield number.name, Event("is above 0", values + number.origin > 0)


def _category_events(column: Category, ids: NDArray[np.integer]) -> Iterator[Event]:
    present = [level for level in column.levels if level is not None]
    if None in column.levels:
        yield Event("has a value", ids != 1 + column.levels.index(None))
    if len(present) == 2:
        for code, level in enumerate(column.levels):
            is_flag = level is not None and level.lower() in POSITIVE_WORDS
            if level is not None:
                yield Event(f"is {level}", ids == 1 + code, is_flag)
    elif "0" in present and all(NUMBER.fullmatch(level) and not level.startswith("-") for level in present):
        other = np.isin(ids, [1 + code for code, level in enumerate(column.levels) if level not in ("0", None)])
        yield Event("is above 0", other)
