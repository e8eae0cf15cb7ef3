"""Parts of a split that miss the shares which were asked for, because equal times or groups stay together."""

from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.declaration import Split
from mtl_nas.errors import DataError

MOST_MISSED = 0.5  # of the share that was asked for, above which a note says so
SECONDS = (1e8, 5e9)  # times between are shown as dates: seconds from 1973 to 2128

Times = NDArray[np.float64]


def refuse_equal_times(values: Times, split: Split, rows: Mapping[str, int]) -> None:
    """Raise DataError naming the most frequent time where equal times leave a split, by name, without rows."""
    for name, count in rows.items():
        if count < 2:
            raise DataError(
                f"{_repeated_time(values, split)}, which leaves {count} rows for the {name} split; order the rows by a "
                "finer time, say other shares (validation: 0.1, test: 0.1), or name the parts with split: {column: ...}"
            )


def share_notes(split: Split, rows: Mapping[str, int], values: Times | None) -> list[str]:
    """A note per split whose share of the rows is far from the share that was asked for.

    ``values``: (N,) times, where a time decides the split.
    """
    if split.column is not None:
        return []
    count, notes = sum(rows.values()), []
    asked = {"validation": split.validation} | ({"test": split.test} if isinstance(split.test, float) else {})
    if not isinstance(split.test, float):
        count -= rows["test"]
    for name, share in asked.items():
        if abs(rows[name] - share * count) > max(MOST_MISSED * share * count, 1):
            reason = "" if values is None else f": {_repeated_time(values, split)}"
            reason = reason if split.group is None else f": rows of one '{split.group}' stay together"
            notes.append(f"the {name} split has {rows[name] / count:.0%} of the rows, not {share:.0%}{reason}")
    return notes


def _repeated_time(values: Times, split: Split) -> str:
    distinct, counts = np.unique(values, return_counts=True)
    share = counts.max() / len(values)
    time = _text(float(distinct[counts.argmax()]))
    return f"{share:.0%} of the rows have the time {time} in column '{split.time}', and equal times stay together"


def _text(value: float) -> str:
    if not SECONDS[0] < value < SECONDS[1]:
        return f"{value:.15g}"
    return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S").removesuffix(" 00:00:00")
