"""Where the values of number columns lie among the train rows, and where the labels change along them.

Both are fitted to encoded train rows, at most a sample of them, so that tables in memory and in files give the same.
"""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.columns.histogram import histogram
from mtl_nas.data.columns.thresholds import label_thresholds, standard_labels
from mtl_nas.data.schema import Number, Schema
from mtl_nas.data.storage.rows import Rows
from mtl_nas.random_streams import FIT_SEED

MOST_ROWS = 200_000  # train rows that are read


def with_fits(schema: Schema, train: Rows, *, labels: bool = True) -> Schema:
    """The schema, whose numbers have a histogram of the train rows and the thresholds at which labels change.

    ``labels``: whether there are thresholds; without them, labels are not read.
    """
    if not schema.numbers or not len(train):
        return schema
    rows: NDArray[np.int64] | slice = slice(None)
    if len(train) > MOST_ROWS:
        rows = np.sort(np.random.RandomState(FIT_SEED).permutation(len(train))[:MOST_ROWS])
    columns = np.asarray(train.numbers[rows], dtype=np.float64)
    targets = standard_labels(np.asarray(train.labels[rows], dtype=np.float64), schema.tasks) if labels else None
    return schema.model_copy(
        update={
            "numbers": tuple(_fitted(number, columns[:, index], targets) for index, number in enumerate(schema.numbers))
        }
    )


def _fitted(number: Number, values: NDArray[np.float64], targets: NDArray[np.float64] | None) -> Number:
    present = ~np.isnan(values)
    if not present.any():
        return number
    fits = {
        "histogram": histogram(values[present]),
        "thresholds": () if targets is None else label_thresholds(values[present], targets[present]),
    }
    return number.model_copy(update=fits)
