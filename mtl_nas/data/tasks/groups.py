"""Groups of rows that make tasks of their own, such as ``click@A`` (MetaHeac)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.schema import Task
from mtl_nas.errors import DataError

MOST_GROUPS = 100


def distinct_groups(values: "pd.Series[Any]") -> tuple[str, ...]:
    """The groups of a column; DataError where there are too few, too many, or a row without one."""
    codes, groups = values.cat.codes.to_numpy(), levels.sort_levels(values.cat.categories.tolist())
    if not 1 < len(groups) <= MOST_GROUPS:
        raise DataError(f"group '{values.name}' has {len(groups)} values; every one becomes a task: 2 to {MOST_GROUPS}")
    if (codes < 0).any():
        raise DataError(f"group '{values.name}' is missing in {(codes < 0).sum()} rows; every row belongs to a task")
    return groups


def tasks_by_group(tasks: Sequence[Task], groups: Sequence[str]) -> tuple[Task, ...]:
    """One task per group and task; a group is a family where a task names none."""
    return tuple(
        task.model_copy(
            update={
                "name": f"{task.name}@{group}",
                "family": task.family or group,
                "after": None if task.after is None else f"{task.after}@{group}",
                "where": None if task.where is None else f"{task.where}@{group}",
            }
        )
        for group in groups
        for task in tasks
    )


def labels_by_group(labels: NDArray[np.float64], values: RawColumn, groups: Sequence[str]) -> NDArray[np.float64]:
    """(N, T) labels -> (N, groups * T): the tasks of a group are labelled in the rows of that group."""
    group_index = levels.level_ids(values, tuple(groups), 0)
    masked = [np.where((group_index == index)[:, None], labels, np.nan) for index in range(len(groups))]
    return np.concatenate(masked, axis=1)
