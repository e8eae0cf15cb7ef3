"""Signals that end a command: SIGTERM and SIGHUP stop it as Ctrl-C does, each with an exit code of its own."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 8.0  # seconds after a signal, after which the process ends at once
SIGNALS = (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)


class StopSignal(KeyboardInterrupt):
    """A signal that ends the process arrived."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def exit_code(interrupt: KeyboardInterrupt) -> int:
    """The exit code of a command that was stopped: 128 and the number of the signal, which is SIGINT for Ctrl-C."""
    return 128 + (interrupt.number if isinstance(interrupt, StopSignal) else signal.SIGINT)


@contextmanager
def stopped_by_signals(say: Callable[[], None]) -> Iterator[None]:
    """Raise ``StopSignal`` in the main thread where a signal arrives inside.

    The process ends at once at the next signal; or, after ``say`` has said what is left, if stopping takes too long.
    """

    def stop(number: int, _: FrameType | None) -> None:
        for other in SIGNALS:
            signal.signal(other, lambda again, _: os._exit(128 + again))
        late = threading.Timer(PATIENCE, end, (number,))
        late.daemon = True
        late.start()
        raise StopSignal(number)

    def end(number: int) -> None:
        try:
            say()
        finally:
            os._exit(128 + number)

    before = {number: signal.signal(number, stop) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
