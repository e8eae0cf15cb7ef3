"""Encoded rows: plain contiguous arrays, so that processes can share them without a copy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.storage.memmap import Place, opened, place

Integers = NDArray[np.int32]  # narrower unsigned ones, too, where rows are stored
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows in the order of a schema's columns and tasks.

    Rows of an encoded folder are memory-mapped and read-only; pickled, they are places in files, not data.
    """

    categories: Integers  # (N, C) ids; 0: a level that train rows never showed
    numbers: Floats  # (N, M) raw values; NaN: missing
    sequences: dict[str, Integers]  # name -> (N, columns, length) ids; 0: padding, at the end
    labels: Floats  # (N, T) class codes or raw values; NaN: missing or outside the sample space
    weights: Floats | None = None  # (N,) what a row counts in the losses, relative to the others; None: all alike

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def stored(self) -> bool:
        """The arrays lie in files and are read when they are used."""
        return place(self.labels) is not None

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for _, array in self.arrays())

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

    def __getstate__(self) -> dict[str, Any]:
        """Stored arrays by their places."""
        placed = {name: _placed(ids) for name, ids in self.sequences.items()}
        return {name: _placed(part) for name, part in vars(self).items()} | {"sequences": placed}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        found = {name: _found(ids) for name, ids in state["sequences"].items()}
        vars(self).update({name: _found(part) for name, part in state.items()} | {"sequences": found})


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after the other, in memory."""
    first = parts[0]
    return Rows(
        categories=np.concatenate([part.categories for part in parts]),
        numbers=np.concatenate([part.numbers for part in parts]),
        sequences={name: np.concatenate([part.sequences[name] for part in parts]) for name in first.sequences},
        labels=np.concatenate([part.labels for part in parts]),
        weights=None if first.weights is None else np.concatenate([_weights(part) for part in parts]),
    )


def _weights(rows: Rows) -> Floats:
    assert rows.weights is not None
    return rows.weights


def _placed(part: Any) -> Any:
    return (place(part) or part) if isinstance(part, np.ndarray) else part


def _found(part: Any) -> Any:
    return opened(part) if isinstance(part, Place) else part
