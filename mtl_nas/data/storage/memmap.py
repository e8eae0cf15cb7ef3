"""Arrays in files: the region of a file that an array maps, and mapping it again in another process or machine."""

import mmap
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.errors import DataError


@dataclass(frozen=True)
class FileRegion:
    """A region of a file that holds an array."""

    path: str
    offset: int  # bytes
    shape: tuple[int, ...]
    dtype: str


def file_region(array: NDArray[Any]) -> FileRegion | None:
    """The region that a memory-mapped array, or a slice of its rows, maps; None for an array in memory.

    >>> file_region(np.zeros(3)) is None
    True
    """
    if not isinstance(array, np.memmap) or array.filename is None or not array.flags.c_contiguous:
        return None
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if not isinstance(base, mmap.mmap):
        return None
    address = np.frombuffer(base, dtype=np.uint8).ctypes.data
    map_offset = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY  # bytes of the file before the map
    return FileRegion(str(array.filename), map_offset + array.ctypes.data - address, array.shape, array.dtype.str)


def map_region(region: FileRegion) -> NDArray[Any]:
    """The array of the region, read-only; DataError where this machine has no such file."""
    if 0 in region.shape:
        return np.empty(region.shape, dtype=region.dtype)
    try:
        return np.memmap(region.path, dtype=region.dtype, mode="r", offset=region.offset, shape=region.shape)
    except FileNotFoundError:
        raise missing_file(region.path) from None
    except ValueError as problem:
        raise DataError(f"'{region.path}' is shorter than it was: {problem}; encode the table again") from None


def missing_file(path: str | Path) -> DataError:
    """The error for an encoded file that this machine does not have."""
    return DataError(
        f"no file '{path}' on {socket.gethostname()}; an encoded folder is read where it lies: copy it to the same "
        "path of every machine, or give its folder on a disk that they share"
    )
