"""The largest anonymous memory of this process while a block runs. Not a command: ``rows`` imports it.

Anonymous memory (RssAnon) is what a process cannot give back; pages of mapped files are not among it.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

INTERVAL = 0.02  # seconds between two readings


@contextmanager
def watch_memory() -> Iterator[Callable[[], int]]:
    """Give a function that returns the largest anonymous memory so far, in bytes."""
    largest, stopped = 0, threading.Event()

    def watch() -> None:
        nonlocal largest
        while not stopped.wait(INTERVAL):
            largest = max(largest, anonymous_bytes())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: max(largest, anonymous_bytes())
    finally:
        stopped.set()
        thread.join()


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
