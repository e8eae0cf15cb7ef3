"""Funnels: a later task is 1 only where the earlier one is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.declaration import Violations
from mtl_nas.data.schema import Task
from mtl_nas.data.tasks.nesting import CHANCE, chance_of_nesting
from mtl_nas.errors import DataError

TOLERATED = 0.01  # share of the rows that may break a funnel
CHANCE_RATIO = 0.1  # a likely funnel is broken less often than this share of what independent labels would break

Pairs = Sequence[tuple[str, str]]  # (earlier, later)


class RepairedLabels(NamedTuple):
    """Labels that keep a funnel.

    ``sound`` (N,) are the rows that kept it before, ``repairs`` (P, 2) counts broken and missing labels per pair.
    """

    labels: NDArray[np.float64]
    sound: NDArray[np.bool_]
    repairs: NDArray[np.int64]


def repair(labels: NDArray[np.float64], names: Sequence[str], pairs: Pairs) -> RepairedLabels:
    """Set later labels to 0 where the earlier one is 0, whether they are 1 or missing; (N, T) in and out."""
    labels, sound = labels.copy(), np.ones(len(labels), dtype=bool)
    repairs = np.zeros((len(pairs), 2), dtype=np.int64)
    for index, (earlier, later) in enumerate(pairs):
        before, after = labels[:, names.index(earlier)], labels[:, names.index(later)]
        broken = (before == 0) & (after == 1)
        missing = (before == 0) & np.isnan(after)
        sound &= ~broken
        repairs[index] = broken.sum(), missing.sum()
        labels[broken | missing, names.index(later)] = 0
    return RepairedLabels(labels, sound, repairs)


def repair_notes(repairs: NDArray[np.int64], pairs: Pairs, rows: int, rule: Violations | None) -> list[str]:
    """A note per kind of repair among so many rows; DataError where the rule does not allow the repairs."""
    notes = []
    for (earlier, later), (broken, missing) in zip(pairs, repairs, strict=True):
        rate = broken / rows
        violation = f"task '{later}' is 1 where '{earlier}' is 0 in {100 * rate:.2g} % of the rows"
        if broken:
            if rule == "refuse" or (rule is None and rate > TOLERATED):
                limit = "no row may be" if rule == "refuse" else "1 % is repaired"
                raise DataError(f"{violation}; {limit}: mend the labels, or say violations: repair or drop")
            change = "those rows are left out" if rule == "drop" else f"'{later}' becomes 0 there"
            notes.append(f"{violation}: {change}")
        if missing:
            notes.append(f"task '{later}' has no label in {missing} rows where '{earlier}' is 0: it is 0 there")
    return notes


def likely_funnel(labels: NDArray[np.floating[Any]], tasks: Sequence[Task]) -> dict[str, str]:
    """The binary task in which a later one seems nested, by later task, from (N, T) labels.

    Nested means: in 99 % of the rows, and more clearly than independent labels are nested by chance. Of several earlier
    tasks the rarest is chosen.
    """
    events = {task.name: labels[:, index] for index, task in enumerate(tasks) if task.rules.is_event}
    rates = {name: float(np.nanmean(column)) for name, column in events.items()}
    funnel: dict[str, str] = {}
    for index, later in enumerate(events):
        candidates = [name for name in list(events)[:index] if _is_nested(events[name], events[later])]
        if candidates:
            funnel[later] = min(candidates, key=lambda name: rates[name])
    return funnel


def _is_nested(before: NDArray[np.floating[Any]], after: NDArray[np.floating[Any]]) -> bool:
    present = ~np.isnan(before) & ~np.isnan(after)
    if not present.any():
        return False
    broken = float(((before == 0) & (after == 1))[present].mean())
    expected = float((before == 0)[~np.isnan(before)].mean() * (after == 1)[present].mean())
    if broken > TOLERATED or broken >= CHANCE_RATIO * expected:
        return False
    only_labelled_inside = bool(np.isnan(after[before == 0]).all())
    return only_labelled_inside or chance_of_nesting((after == 1)[present], (before == 1)[present]) < CHANCE
