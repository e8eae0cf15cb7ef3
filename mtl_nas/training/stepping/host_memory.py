"""Memory of the host, as training uses it best.

A step needs the memory again that the step before has freed. The C library gives large freed blocks back to the system,
which clears every page when memory is requested again: that takes a tenth of the time of a step of some thousand rows.

The rows of a large table that a batch reads lie far apart, and with pages of 4 KiB the processor looks up the address
of each page first: that takes a third of the time of reading and writing.
"""

import ctypes
import mmap
import sys
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
FREE_BYTES = 2**29  # at the top of the heap, that are not given back
LARGEST_BLOCK = 2**25  # bytes of a block that comes from the heap; the most that the C library takes


@cache
def keep_freed_memory() -> None:
    """Tell the C library to keep freed memory; do nothing unless it is GNU's."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(TRIM_THRESHOLD, FREE_BYTES)


def zeros(rows: int, width: int, like: Tensor) -> Tensor:
    """Return zeros (rows, width) of the type and on the device of ``like``, in huge pages where Linux has them."""
    size = rows * width * like.element_size()
    if like.device.type != "cpu" or sys.platform != "linux" or not size:
        return torch.zeros(rows, width, dtype=like.dtype, device=like.device)
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as problem:
        raise MemoryError(f"no {size} bytes for a table: {problem}") from None
    with suppress(OSError, AttributeError):  # a kernel, or a Python, without them
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=like.dtype).view(rows, width)
