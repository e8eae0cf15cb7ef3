"""Arrays that lie in files: where, and opened again by another process or on another machine."""

import mmap
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.errors import DataError


@dataclass(frozen=True)
class Place:
    """A stretch of a file that is an array."""

    path: str
    offset: int  # bytes
    shape: tuple[int, ...]
    dtype: str


def place(array: NDArray[Any]) -> Place | None:
    """Where a memory-mapped array lies, or a slice of its rows; None for one in memory.

    >>> place(np.zeros(3)) is None
    True
    """
    if not isinstance(array, np.memmap) or array.filename is None or not array.flags.c_contiguous:
        return None
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap):
        return None
    start = np.frombuffer(base, dtype=np.uint8).ctypes.data
    first = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # of the file, where the map begins
    return Place(str(array.filename), first + array.ctypes.data - start, array.shape, array.dtype.str)


def opened(at: Place) -> NDArray[Any]:
    """The array, read-only and mapped; DataError where this machine has no such file."""
    if 0 in at.shape:
        return np.empty(at.shape, dtype=at.dtype)
    try:
        return np.memmap(at.path, dtype=at.dtype, mode="r", offset=at.offset, shape=at.shape)
    except FileNotFoundError:
        raise absent(at.path) from None
    except ValueError as problem:
        raise DataError(f"'{at.path}' is shorter than it was: {problem}; encode the table again") from None


def absent(path: str | Path) -> DataError:
    """What to say of an encoded file that is not there."""
    return DataError(
        f"no file '{path}' on {socket.gethostname()}; an encoded folder is read where it lies: copy it to the same "
        "path of every machine, or give its folder on a disk that they share"
    )
