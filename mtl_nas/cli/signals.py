"""Signals that end a command: SIGTERM and SIGHUP stop it as Ctrl-C does, each with an exit code of its own."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE = 8.0  # seconds after a signal, after which the process ends at once
SIGNALS = (signal.SIGTERM, signal.SIGHUP) if hasattr(signal, "SIGHUP") else (signal.SIGTERM,)


class Stop:
    """The signal that ends the command, if one has arrived, and what is said then."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.say: Callable[[], None] = lambda: print("\nstopped", file=sys.stderr)

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal, which is SIGINT after Ctrl-C."""
        return 128 + (self.received or signal.SIGINT)

    def arrive(self, number: int, _: FrameType | None) -> None:
        """Raise KeyboardInterrupt in the main thread; the next signal ends the process at once."""
        self.received = number
        for other in SIGNALS:
            signal.signal(other, lambda again, _: os._exit(128 + again))
        late = threading.Timer(PATIENCE, self.end)
        late.daemon = True
        late.start()
        raise KeyboardInterrupt

    def end(self) -> None:
        """Say what is left, unless that was said, and end the process, however busy it is."""
        try:
            self.say_once()
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(self.exit_code)

    def say_once(self) -> None:
        """Say what is left the first time that this is called."""
        say, self.say = self.say, lambda: None
        say()


STOP = Stop()


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Stop the command at a signal; the process has the exit code of the signal then."""
    before = {number: signal.signal(number, STOP.arrive) for number in SIGNALS}
    try:
        yield
    except SystemExit:
        if STOP.received is not None:
            STOP.end()  # everything is closed, and Ray's threads might abort an orderly exit
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
