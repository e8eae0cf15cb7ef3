"""The train rows that remain after rows without the funnel's first event are sampled."""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.composition import funnel_root
from mtl_nas.data import Schema
from mtl_nas.random_streams import NEGATIVE_SAMPLING, training_stream

ROWS_AT_ONCE = 2**20  # rows per call of the generator, to bound memory; it has no effect on the draws


def kept_rows(labels: NDArray[np.float32], schema: Schema, share: float, seed: int) -> NDArray[np.int64]:
    """Return the indices of the rows to train on, from labels (N, T).

    A row whose label of the funnel's first event is 0 is kept with the probability ``share``, drawn once per seed; all
    other rows are kept.

    Raises:
        DesignError: The tasks do not form one funnel.
    """
    root = funnel_root(schema)
    column, random = labels[:, schema.task_names.index(root)], training_stream(NEGATIVE_SAMPLING, seed)
    is_kept = np.empty(len(column), dtype=bool)
    for start in range(0, len(column), ROWS_AT_ONCE):
        negative = column[start : start + ROWS_AT_ONCE] == 0  # false for a missing label
        is_kept[start : start + ROWS_AT_ONCE] = ~negative | (random.random(len(negative)) < share)
    return np.flatnonzero(is_kept)
