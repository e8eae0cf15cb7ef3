"""Funnels: a later task is 1 only where the earlier one is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.declaration import Violations
from mtl_nas.data.schema import Task
from mtl_nas.errors import DataError

TOLERATED = 0.01  # a share of the rows
BY_CHANCE = 0.1  # a likely funnel breaks less than this share of what independent labels would break


def nested(
    labels: NDArray[np.float64], names: Sequence[str], pairs: Sequence[tuple[str, str]], rule: Violations | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str]]:
    """Labels that keep the funnel, the rows to keep, and a note on every change.

    A later label that is missing where the earlier one is 0 becomes 0: the funnel leaves no other value.
    """
    mended, sound, counts = repaired(labels, names, pairs)
    notes = verdict(counts, pairs, len(labels), rule)
    return mended, sound if rule == "drop" else np.ones(len(labels), dtype=bool), notes


def repaired(
    labels: NDArray[np.float64], names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
    """Labels that keep the funnel, rows that kept it before, and for each pair how many broke it or were unknown."""
    labels, sound = labels.copy(), np.ones(len(labels), dtype=bool)
    counts = np.zeros((len(pairs), 2), dtype=np.int64)
    for place, (earlier, later) in enumerate(pairs):
        before, after = labels[:, names.index(earlier)], labels[:, names.index(later)]
        broken = (before == 0) & (after == 1)
        unknown = (before == 0) & np.isnan(after)
        sound &= ~broken
        counts[place] = broken.sum(), unknown.sum()
        labels[broken | unknown, names.index(later)] = 0
    return labels, sound, counts


def verdict(
    counts: NDArray[np.int64], pairs: Sequence[tuple[str, str]], rows: int, rule: Violations | None
) -> list[str]:
    """A note on every change in so many rows; DataError where the rule forbids it."""
    notes = []
    for (earlier, later), (broken, unknown) in zip(pairs, counts, strict=True):
        rate = broken / rows
        what = f"task '{later}' is 1 where '{earlier}' is 0 in {100 * rate:.2g} % of the rows"
        if broken:
            if rule == "refuse" or (rule is None and rate > TOLERATED):
                limit = "no row may be" if rule == "refuse" else "1 % is repaired"
                raise DataError(f"{what}; {limit}: mend the labels, or say violations: repair or drop")
            notes.append(f"{what}: " + ("those rows are left out" if rule == "drop" else f"'{later}' becomes 0 there"))
        if unknown:
            notes.append(f"task '{later}' has no label in {unknown} rows where '{earlier}' is 0: it is 0 there")
    return notes


def likely_funnel(labels: NDArray[np.floating[Any]], tasks: Sequence[Task]) -> dict[str, str]:
    """Later -> earlier binary task, where (N, T) labels are nested in 99 % of the rows and it is no chance.

    Of several earlier tasks that one whose 1 is rarest. Labels of rare events are nested in nearly every row whatever
    they mean, so what independent labels would break counts too.
    """
    binary = {task.name: labels[:, place] for place, task in enumerate(tasks) if task.rules.is_event}
    ones = {name: float(np.nanmean(column)) for name, column in binary.items()}
    found: dict[str, str] = {}
    for place, later in enumerate(binary):
        likely = [name for name in list(binary)[:place] if _is_nested(binary[name], binary[later])]
        if likely:
            found[later] = min(likely, key=lambda name: ones[name])
    return found


def _is_nested(before: NDArray[np.floating[Any]], after: NDArray[np.floating[Any]]) -> bool:
    known = ~np.isnan(before) & ~np.isnan(after)
    if not known.any():
        return False
    broken = float(((before == 0) & (after == 1))[known].mean())
    chance = float((before == 0)[~np.isnan(before)].mean() * (after == 1)[known].mean())
    return broken <= TOLERATED and broken < BY_CHANCE * chance
