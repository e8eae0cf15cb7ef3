"""Handlers of signals, which importing and starting Ray replace."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


@contextmanager
def same_signal_handlers() -> Iterator[None]:
    """Restore at the end the handler of SIGTERM that the process had; a SIGTERM inside arrives at it then."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as stopped:
        signal.signal(signal.SIGTERM, before)
        if stopped.code == signal.SIGTERM:  # of Ray's handler
            signal.raise_signal(signal.SIGTERM)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
