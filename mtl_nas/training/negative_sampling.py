"""Which train rows a model sees when rows without the funnel's first event are thinned out."""

import numpy as np
from numpy.typing import NDArray

from mtl_nas.composition.funnel import funnel_root
from mtl_nas.data.schema import Schema
from mtl_nas.random_streams import NEGATIVE_SAMPLING, training_stream

DRAWN = 2**20  # rows at once


def kept_rows(labels: NDArray[np.float32], schema: Schema, share: float, seed: int) -> NDArray[np.int64]:
    """Places of the rows to train on, from labels (N, T): where the funnel's first event is 0, that share of them.

    Drawn once from the seed. A DesignError where the tasks are not one funnel.
    """
    root = funnel_root(schema)
    column, random = labels[:, schema.task_names.index(root)], training_stream(NEGATIVE_SAMPLING, seed)
    kept = np.empty(len(column), dtype=bool)
    for start in range(0, len(column), DRAWN):  # the stream of numbers is the same, however it is cut
        negative = column[start : start + DRAWN] == 0  # not where it is missing
        kept[start : start + DRAWN] = ~negative | (random.random(len(negative)) < share)
    return np.flatnonzero(kept)
