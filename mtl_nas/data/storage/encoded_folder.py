"""Encoded folders: the columns of an encoded table in files that are memory-mapped."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray
from pydantic import field_validator

from mtl_nas.data.declaration import Declaration
from mtl_nas.data.older_versions import current_declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.memmap import missing_file
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.tree_files import read_tree
from mtl_nas.values import Value, parse

INDEX, SCHEMA = "dataset.json", "schema.json"
SPLITS = ("train", "validation", "test")


class FolderIndex(Value):
    """The file ``dataset.json``, which is written last."""

    version: Literal[1] = 1
    name: str
    declaration: Declaration  # complete: encodes the same table again
    notes: tuple[str, ...]
    rows: dict[str, int]
    tuning: int
    fingerprint: str  # equal to that of the same data in memory

    @field_validator("declaration", mode="before")
    @classmethod
    def _read_older_declaration(cls, tree: Any) -> Any:
        return current_declaration(tree) if isinstance(tree, Mapping) else tree


@dataclass(frozen=True)
class StoredSplits(Mapping[str, Rows]):
    """Rows of an encoded folder by split, mapped on access; a pickle holds the path of the folder."""

    folder: str
    schema: Schema
    fingerprint: str
    splits: tuple[str, ...] = SPLITS

    def __getitem__(self, split: str) -> Rows:
        if split not in self.splits:
            raise KeyError(split)
        folder = Path(self.folder)
        if not (folder / INDEX).exists():
            raise missing_file(folder / INDEX)
        index = read_index(folder)
        if index.fingerprint != self.fingerprint:
            raise DataError(f"'{folder}' holds other data than before; encode into a folder of its own")
        if split not in index.rows:
            raise DataError(f"{folder / INDEX}: rows names no '{split}'; encode the table again")
        return map_rows(
            folder, split, index.rows[split], self.schema, weighed=index.declaration.data.weight is not None
        )

    def without(self, split: str) -> "StoredSplits":
        return replace(self, splits=tuple(other for other in self.splits if other != split))

    def __iter__(self) -> Iterator[str]:
        return iter(self.splits)

    def __len__(self) -> int:
        return len(self.splits)


def is_encoded(path: str | Path) -> bool:
    """Whether the path is a folder that ``encode_table`` wrote completely."""
    return (Path(path).expanduser() / INDEX).is_file()


def read_index(folder: Path) -> FolderIndex:
    """The index of an encoded folder."""
    return parse(FolderIndex, read_tree(folder / INDEX, DataError), str(folder / INDEX), DataError)


def shapes(rows: int, schema: Schema, *, weighed: bool) -> dict[str, tuple[tuple[int, ...], DTypeLike]]:
    """Shape and dtype of each file of a split; ids have the narrowest type that holds the largest."""
    files: dict[str, tuple[tuple[int, ...], DTypeLike]] = {
        "categories": ((rows, len(schema.categories)), narrowest([column.size for column in schema.categories])),
        "numbers": ((rows, len(schema.numbers)), np.float32),
    }
    for index, part in enumerate(schema.sequences):  # a name may be any text, so files are numbered
        files[f"sequence{index}"] = ((rows, len(part.columns), part.length), narrowest(part.sizes))
    files["labels"] = ((rows, len(schema.tasks)), np.float32)
    if weighed:
        files["weights"] = ((rows,), np.float32)
    return files


def narrowest(sizes: tuple[int, ...] | list[int]) -> DTypeLike:
    """The dtype of ids below the largest of the sizes.

    >>> [np.dtype(narrowest([size])).name for size in (256, 257, 65_537)]
    ['uint8', 'uint16', 'int32']
    """
    largest = max(sizes, default=1)
    return np.uint8 if largest <= 2**8 else np.uint16 if largest <= 2**16 else np.int32


def map_rows(folder: Path, split: str, count: int, schema: Schema, *, weighed: bool) -> Rows:
    """The rows of a split, memory-mapped."""
    arrays = {
        name: _mapped_array(folder / split / f"{name}.npy", shape, dtype)
        for name, (shape, dtype) in shapes(count, schema, weighed=weighed).items()
    }
    sequences = {part.name: arrays[f"sequence{index}"] for index, part in enumerate(schema.sequences)}
    return Rows(arrays["categories"], arrays["numbers"], sequences, arrays["labels"], arrays.get("weights"))


def _mapped_array(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    if 0 in shape:
        return np.empty(shape, dtype=dtype)
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise missing_file(path) from None
    except Exception as problem:  # numpy parses the header as Python text, and raises what its parser raises
        raise DataError(f"'{path}' cannot be mapped: {problem!s:.200}; encode the table again") from None
    if (array.shape, array.dtype) != (shape, np.dtype(dtype)):
        raise DataError(f"'{path}' holds {array.dtype} {array.shape}, expected {np.dtype(dtype)} {shape}; encode again")
    return array
