"""Handlers of signals, which importing and starting Ray replace."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


@contextmanager
def same_signal_handlers() -> Iterator[None]:
    """Restore at the end the handler of SIGTERM that the process had."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, before)
