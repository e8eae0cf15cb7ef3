"""Encoded rows: contiguous arrays that processes can share without a copy."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.storage.memmap import FileRegion, file_region, map_region

Integers = NDArray[np.int32]  # in an encoded folder also uint8 or uint16
Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """N rows, with columns in the order of the schema.

    Rows of an encoded folder are memory-mapped and read-only; pickles of them hold regions of files, not data.
    """

    categories: Integers  # (N, C) ids; 0: a level that does not occur in train rows
    numbers: Floats  # (N, M) raw values; NaN: missing
    sequences: dict[str, Integers]  # name -> (N, columns, length) ids; 0: padding, at the end
    labels: Floats  # (N, T) class codes or raw values; NaN: missing or outside the sample space
    weights: Floats | None = None  # (N,) weights in the losses; None: equal weights

    def __len__(self) -> int:
        """N."""
        return len(self.labels)

    @property
    def stored(self) -> bool:
        """Whether the arrays are mapped from files and read when they are used."""
        return file_region(self.labels) is not None

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
        """Every array with its name, in the order of fingerprints."""
        yield "categories", self.categories
        yield "numbers", self.numbers
        for name in sorted(self.sequences):
            yield f"sequences.{name}", self.sequences[name]
        yield "labels", self.labels
        if self.weights is not None:
            yield "weights", self.weights

    def __getstate__(self) -> dict[str, Any]:
        sequences = {name: _region_or_self(ids) for name, ids in self.sequences.items()}
        return {name: _region_or_self(part) for name, part in vars(self).items()} | {"sequences": sequences}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        sequences = {name: _mapped_or_self(ids) for name, ids in state["sequences"].items()}
        vars(self).update({name: _mapped_or_self(part) for name, part in state.items()} | {"sequences": sequences})


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of all parts, one after the other, in memory."""
    first = parts[0]
    if len(parts) == 1:
        return first
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


def _region_or_self(part: Any) -> Any:
    return (file_region(part) or part) if isinstance(part, np.ndarray) else part


def _mapped_or_self(part: Any) -> Any:
    return map_region(part) if isinstance(part, FileRegion) else part
