"""Memory that a step frees stays with the process, for the next step needs as much again.

The C library gives large freed blocks back to the system, which clears every page again when it is asked: a tenth of
the time of a step of some thousand rows.
"""

import ctypes
import sys
from functools import cache

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
