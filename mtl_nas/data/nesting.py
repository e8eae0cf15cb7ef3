"""Funnels: a later task is 1 only where the earlier one is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.declaration import Violations
from mtl_nas.errors import DataError

TOLERATED = 0.01


def nested(
    labels: NDArray[np.float64], names: Sequence[str], pairs: Sequence[tuple[str, str]], rule: Violations | None
) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[str]]:
    """Labels that keep the funnel, the rows to keep, and a note on every change.

    A later label that is missing where the earlier one is 0 becomes 0: the funnel leaves no other value.
    """
    labels, kept, notes = labels.copy(), np.ones(len(labels), dtype=bool), []
    for earlier, later in pairs:
        before, after = labels[:, names.index(earlier)], labels[:, names.index(later)]
        broken = (before == 0) & (after == 1)
        rate = broken.mean()
        what = f"task '{later}' is 1 where '{earlier}' is 0 in {100 * rate:.2g} % of the rows"
        if broken.any():
            if rule == "refuse" or (rule is None and rate > TOLERATED):
                limit = "no row may be" if rule == "refuse" else "1 % is repaired"
                raise DataError(f"{what}; {limit}: mend the labels, or say violations: repair or drop")
            kept &= ~broken if rule == "drop" else True
            notes.append(f"{what}: " + ("those rows are left out" if rule == "drop" else f"'{later}' becomes 0 there"))
        unknown = (before == 0) & np.isnan(after)
        if unknown.any():
            notes.append(f"task '{later}' has no label in {unknown.sum()} rows where '{earlier}' is 0: it is 0 there")
        labels[broken | unknown, names.index(later)] = 0
    return labels, kept, notes
