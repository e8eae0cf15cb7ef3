"""Encoded rows: plain contiguous arrays, so that processes can share them without a copy."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows in the order of a schema's columns and tasks."""

    categories: Integers  # (N, C) ids; 0: a level that train rows never showed
    numbers: Floats  # (N, M) raw values; NaN: missing
    sequences: dict[str, Integers]  # name -> (N, columns, length) ids; 0: padding, at the end
    labels: Floats  # (N, T) class codes or raw values; NaN: missing or outside the sample space
    weights: Floats | None = None  # (N,) what a row counts in the losses, relative to the others; None: all alike

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    def take(self, indices: NDArray[np.integer[Any]] | slice) -> "Rows":
        """These rows; a slice shares memory, an index array copies."""
        return Rows(
            categories=self.categories[indices],
            numbers=self.numbers[indices],
            sequences={name: ids[indices] for name, ids in self.sequences.items()},
            labels=self.labels[indices],
            weights=None if self.weights is None else self.weights[indices],
        )

    def arrays(self) -> Iterable[tuple[str, NDArray[Any]]]:
        """Every array with its name, in a fixed order."""
        yield "categories", self.categories
        yield "numbers", self.numbers
        for name in sorted(self.sequences):
            yield f"sequences.{name}", self.sequences[name]
        yield "labels", self.labels
        if self.weights is not None:
            yield "weights", self.weights
