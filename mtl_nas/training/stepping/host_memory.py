"""Memory as the processor likes it.

What a step frees stays with the process, for the next step needs as much again. The C library gives large freed blocks
back to the system, which clears every page again when it is asked: a tenth of the time of a step of some thousand rows.

Rows of a large table lie far apart, and with pages of 4 KiB the processor looks up the place of each before it reads
it: a third of the time that reading and writing takes.
"""

import ctypes
import mmap
import sys
from contextlib import suppress
from functools import cache

import torch
from torch import Tensor

# parameters of mallopt(3)
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
KEPT = 2**29  # bytes free at the top of the heap that are not given back
LARGEST = 2**25  # bytes of a block that comes from the heap; the most that the C library takes


@cache
def keep_freed_memory() -> None:
    """Once a process; where the C library is not GNU's, nothing."""
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(MMAP_THRESHOLD, LARGEST)
        mallopt(TRIM_THRESHOLD, KEPT)


def zeros(rows: int, width: int, like: Tensor) -> Tensor:
    """(rows, width) of the type and on the device of ``like``; in huge pages where Linux has them."""
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
