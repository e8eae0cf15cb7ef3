"""Settings of the host's memory that make training faster.

Every step requests the memory that the last step freed. The C library returns large freed blocks to the system, which
clears each page on the next request; that takes a tenth of the time of a step of some thousand rows.

A batch reads rows of a large table at distant addresses. With pages of 4 KiB, address translation takes a third of the
time of reading and writing them; with huge pages, it does not.
"""

import ctypes
import mmap
import sys
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
FREE_BYTES = 2**29  # free bytes at the top of the heap that are not returned to the system
LARGEST_BLOCK = 2**25  # bytes of the largest block on the heap, the maximum of the C library


@cache
def keep_freed_memory() -> None:
    """Set GNU's C library to keep freed memory; do nothing under another C library."""
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
    with suppress(OSError, AttributeError):  # a kernel or a Python without huge pages
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=like.dtype).view(rows, width)
