"""Encoded folders: a table that was encoded once, its columns in files that are read where they lie."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mtl_nas.data.declaration import Declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.memmap import absent
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.values import Value, parse, read_tree

INDEX, SCHEMA = "dataset.json", "schema.json"
SPLITS = ("train", "validation", "test")


class Index(Value):
    """``dataset.json``, written when everything else is there."""

    version: Literal[1] = 1
    name: str
    declaration: Declaration  # of the table that was encoded
    notes: tuple[str, ...]
    rows: dict[str, int]
    tuning: int
    fingerprint: str  # of the same data in memory, too


@dataclass(frozen=True)
class Stored(Mapping[str, Rows]):
    """Rows by split, mapped when they are asked for; pickled, it is the path of the folder."""

    folder: str
    schema: Schema
    fingerprint: str
    splits: tuple[str, ...] = SPLITS

    def __getitem__(self, split: str) -> Rows:
        if split not in self.splits:
            raise KeyError(split)
        folder = Path(self.folder)
        if not (folder / INDEX).exists():
            raise absent(folder / INDEX)
        index = read_index(folder)
        if index.fingerprint != self.fingerprint:
            raise DataError(f"'{folder}' holds other data than before; encode into a folder of its own")
        return mapped(folder, split, index.rows[split], self.schema, weighed=index.declaration.data.weight is not None)

    def without(self, split: str) -> "Stored":
        """The other splits."""
        return replace(self, splits=tuple(one for one in self.splits if one != split))

    def __iter__(self) -> Iterator[str]:
        return iter(self.splits)

    def __len__(self) -> int:
        return len(self.splits)


def is_encoded(path: str | Path) -> bool:
    """A folder that ``encode`` wrote to its end."""
    return (Path(path).expanduser() / INDEX).is_file()


def read_index(folder: Path) -> Index:
    """What an encoded folder says of itself."""
    return parse(Index, read_tree(folder / INDEX, DataError), str(folder / INDEX), DataError)


def shapes(rows: int, schema: Schema, *, weighed: bool) -> dict[str, tuple[tuple[int, ...], DTypeLike]]:
    """Files of a split: what each holds, ids in the narrowest type that holds the largest."""
    found: dict[str, tuple[tuple[int, ...], DTypeLike]] = {
        "categories": ((rows, len(schema.categories)), narrowest([column.size for column in schema.categories])),
        "numbers": ((rows, len(schema.numbers)), np.float32),
    }
    for place, part in enumerate(schema.sequences):  # a name may be any text, so files are numbered
        found[f"sequence{place}"] = ((rows, len(part.columns), part.length), narrowest(part.sizes))
    found["labels"] = ((rows, len(schema.tasks)), np.float32)
    if weighed:
        found["weights"] = ((rows,), np.float32)
    return found


def narrowest(sizes: tuple[int, ...] | list[int]) -> DTypeLike:
    """The type of ids below the largest of the sizes.

    >>> [np.dtype(narrowest([size])).name for size in (256, 257, 65_537)]
    ['uint8', 'uint16', 'int32']
    """
    largest = max(sizes, default=1)
    return np.uint8 if largest <= 2**8 else np.uint16 if largest <= 2**16 else np.int32


def mapped(folder: Path, split: str, count: int, schema: Schema, *, weighed: bool) -> Rows:
    """The rows of a split, read when they are used."""
    arrays = {
        name: _mapped(folder / split / f"{name}.npy", shape, dtype)
        for name, (shape, dtype) in shapes(count, schema, weighed=weighed).items()
    }
    sequences = {part.name: arrays[f"sequence{place}"] for place, part in enumerate(schema.sequences)}
    return Rows(arrays["categories"], arrays["numbers"], sequences, arrays["labels"], arrays.get("weights"))


def _mapped(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    if 0 in shape:
        return np.empty(shape, dtype=dtype)
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise absent(path) from None
    except (ValueError, EOFError) as problem:
        raise DataError(f"'{path}' cannot be mapped: {problem}; encode the table again") from None
    if (array.shape, array.dtype) != (shape, np.dtype(dtype)):
        raise DataError(f"'{path}' holds {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}; encode again")
    return array
