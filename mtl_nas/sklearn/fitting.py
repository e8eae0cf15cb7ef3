"""X, y, weights and groups as one data set, whose rows train, validate and test as those of every table."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.validation import check_consistent_length, column_or_1d

from mtl_nas.data import Dataset, RawTable, load_dataset, raw_table
from mtl_nas.data.declaring import Tasks
from mtl_nas.sklearn.targets import Targets, declared

SHARE = 0.1  # of validation rows, and of test rows
FEW_ROWS = 10  # validation rows, and test rows, that a small table gives if these are no more than a fifth of its rows


def dataset(
    x: RawTable,
    y: Targets,
    tasks: Tasks | None,
    *,
    sample_weight: Any = None,
    groups: Any = None,
    options: Mapping[str, Any],
) -> Dataset:
    """The data set of a fit. Rows of weight 0 are left out.

    Args:
        x: The features.
        y: The label columns.
        tasks: Options of tasks by name, or their names.
        sample_weight: A weight of each row in the losses, (N,).
        groups: The group of each row, (N,); rows of one group all train, all validate or all test.
        options: Keywords of ``load_dataset``.

    Raises:
        ValueError: The lengths differ, a column is both a feature and a label, or a weight is negative or missing.
        DataError: The table cannot be used.
    """
    check_consistent_length(x, y.labels, sample_weight, groups)
    for name in y.names:
        if name in x:
            raise ValueError(f"column '{name}' is in X and in y; leave it out of X")
    columns = {column.name: column for column in (*x, *y.labels)}
    split: dict[str, Any] = shares(len(x)) if "split" not in options else {}
    options = dict(options) if not split else {**options, "split": split}
    if groups is not None:
        name = _unused("group", columns)
        columns[name] = raw_table(pd.DataFrame({name: column_or_1d(groups)}))[name]
        options["split"] = {**_as_mapping(options["split"]), "group": name}
    weights = None if sample_weight is None else _checked(sample_weight)
    if weights is not None:
        name = _unused("weight", columns)
        columns[name] = raw_table(pd.DataFrame({name: weights}))[name]
        options["weight"] = name
    table = RawTable(columns, len(x))
    if weights is not None and not weights.all():
        table = table.take(np.flatnonzero(weights))
    return load_dataset(table, declared(y, tasks), **options)


def shares(rows: int) -> dict[str, float]:
    """The shares of validation and test rows: a tenth each, of a small table up to a fifth.

    >>> shares(1_000), shares(60)
    ({'validation': 0.1, 'test': 0.1}, {'validation': 0.16666666666666666, 'test': 0.16666666666666666})
    """
    share = max(SHARE, min(2 * SHARE, FEW_ROWS / rows))
    return {"validation": share, "test": share}


def _as_mapping(split: Any) -> dict[str, Any]:
    return dict(split) if isinstance(split, Mapping) else split.model_dump(exclude_unset=True)


def _checked(sample_weight: Any) -> NDArray[np.float64]:
    weights: NDArray[np.float64] = column_or_1d(sample_weight, dtype=np.float64)
    if not (weights >= 0).all():  # NaN too
        row = int(np.argmin(weights >= 0))
        raise ValueError(f"a weight is a number from 0, got {weights[row]:g} in row {row + 1} of sample_weight")
    if not weights.any():
        raise ValueError("every weight of sample_weight is zero; some row has to count")
    return weights


def _unused(name: str, columns: Mapping[str, Any]) -> str:
    while name in columns:
        name += "_"
    return name
