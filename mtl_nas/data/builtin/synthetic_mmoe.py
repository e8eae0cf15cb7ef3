"""The synthetic regression tasks of MMoE (Ma et al., KDD 2018), whose relatedness is chosen."""

from typing import Any

import numpy as np
import pandas as pd

from mtl_nas.data.declaration import Declaration, Source, Split, TaskDeclaration
from mtl_nas.errors import DataError

NOISE = 0.1
CORRELATIONS = (1.0, 0.5, 0.0)  # with a built-in data set each


def synthetic_mmoe(
    *,
    tasks: int = 2,
    correlation: float = 0.5,
    rows: int = 12_000,
    dims: int = 100,
    scale: float = 0.3,
    sines: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Columns x1 ... of standard normals, and y1 ...: a linear part, shared sines of it, and noise of deviation .1.

    ``y = w.x + sum_i sin(a_i w.x + b_i) + noise``; the a and b are common to all tasks, and any two weight vectors,
    of norm ``scale``, have the cosine ``correlation``.
    """
    if tasks < 1 or dims < tasks:
        raise DataError(f"the tasks' weights need a dimension each, got {tasks} tasks in {dims} dims")
    if not (0 <= correlation <= 1 or (tasks == 2 and correlation >= -1)):
        raise DataError(f"a correlation lies in 0..1, or -1..1 between two tasks, got {correlation}")
    random: Any = np.random.RandomState(seed)
    basis = np.linalg.qr(random.standard_normal((dims, tasks)))[0]
    cosines = np.full((tasks, tasks), correlation)
    np.fill_diagonal(cosines, 1.0)
    values, vectors = np.linalg.eigh(cosines)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T  # symmetric, also where the cosine is 1
    weights = scale * basis @ root  # (dims, tasks)
    frequencies, shifts = random.standard_normal((2, sines))
    features = random.standard_normal((rows, dims))
    linear = features @ weights
    labels = linear + NOISE * random.standard_normal((rows, tasks))
    for frequency, shift in zip(frequencies, shifts, strict=True):
        labels += np.sin(frequency * linear + shift)
    names = [*(f"x{number}" for number in range(1, dims + 1)), *(f"y{number}" for number in range(1, tasks + 1))]
    return pd.DataFrame(np.concatenate([features, labels], axis=1).astype(np.float32), columns=names)


DECLARATION = Declaration(
    data=Source(split=Split(stratified=False)),
    tasks={name: TaskDeclaration(kind="regression") for name in ("y1", "y2")},
)
