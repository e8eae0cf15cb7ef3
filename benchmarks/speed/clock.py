"""When each fact of a run came, and what the machine computed for it: threads beside a search."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from mtl_nas.record.events import EVENTS, Event

OFTEN, RARELY = 0.02, 0.5  # seconds between two looks at the record, and at the processes
WORKER = "ray::ImplicitFunc"  # how Ray names what trains


class Processes(threading.Thread):
    """Core seconds of this process and of all that it starts, and the memory of its workers."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._known: dict[int, float] = {}  # core seconds of each so far, of those that ended too
        self._before = _computed(psutil.Process())
        self.megabytes = 0.0  # the most memory of its own that a worker had

    @property
    def core_seconds(self) -> float:
        """Since the beginning, of user and system."""
        return max(sum(self._known.copy().values()) - self._before, 0.0)

    def run(self) -> None:
        """Look, and look again."""
        while True:
            here = psutil.Process()
            for process in (here, *here.children(recursive=True)):
                try:
                    self._known[process.pid] = _computed(process)
                    if any(WORKER in part for part in process.cmdline()):
                        memory = process.memory_info()
                        self.megabytes = max(self.megabytes, (memory.rss - memory.shared) / 1e6)
                except psutil.Error:
                    continue
            time.sleep(RARELY)


@dataclass(frozen=True)
class Timed:
    """A fact, when it was in the record, and the core seconds of all processes until then."""

    event: Event
    seconds: float
    core_seconds: float


class Clock(threading.Thread):
    """Reads the record of a run while it grows; seconds are those since the clock was made."""

    def __init__(self, record: Path) -> None:
        super().__init__(daemon=True)
        self._record, self._start, self._ended, self._place = record, time.perf_counter(), threading.Event(), 0
        self.processes = Processes()
        self.events: list[Timed] = []

    def run(self) -> None:
        """Look at the record until the end."""
        self.processes.start()
        while not self._ended.wait(OFTEN):
            self._read()

    def end(self) -> float:
        """Stop; the seconds since the start."""
        seconds = time.perf_counter() - self._start
        self._ended.set()
        self.join()
        self._read()
        return seconds

    def _read(self) -> None:
        if not self._record.exists():
            return
        with self._record.open("rb") as file:
            file.seek(self._place)
            text = file.read()
        whole = text.rfind(b"\n") + 1
        self._place += whole
        now = time.perf_counter() - self._start
        for line in text[:whole].splitlines():
            self.events.append(Timed(EVENTS.validate_json(line), now, self.processes.core_seconds))


def _computed(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
