"""Threads beside a search: the time of each event of its record, and what its processes computed until then.

Not a command: ``our_search``, ``ray_optuna`` and ``benchmarks.census`` import it.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from mtl_nas.record import EVENTS, Event

RECORD_INTERVAL = 0.02  # seconds between two readings of the record
PROCESS_INTERVAL = 0.5  # seconds between two readings of the processes
WORKER = "ray::ImplicitFunc"  # part of the command line of Ray's training workers


class ProcessWatch(threading.Thread):
    """Core seconds of this process and its descendants, and the largest memory of a worker."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._core_seconds: dict[int, float] = {}  # by process id; a process that ended keeps its last value
        self._before = _core_seconds(psutil.Process())
        self.worker_megabytes = 0.0  # the most anonymous memory that a worker had

    @property
    def core_seconds(self) -> float:
        """User and system seconds since the thread was made."""
        return max(sum(self._core_seconds.copy().values()) - self._before, 0.0)

    def run(self) -> None:
        """Read the processes until this process ends."""
        while True:
            this_process = psutil.Process()
            for process in (this_process, *this_process.children(recursive=True)):
                try:
                    self._core_seconds[process.pid] = _core_seconds(process)
                    if any(WORKER in part for part in process.cmdline()):
                        memory = process.memory_info()
                        self.worker_megabytes = max(self.worker_megabytes, (memory.rss - memory.shared) / 1e6)
                except psutil.Error:
                    continue
            time.sleep(PROCESS_INTERVAL)


@dataclass(frozen=True)
class TimedEvent:
    """An event, when it was in the record, and the core seconds of all processes until then."""

    event: Event
    seconds: float
    core_seconds: float


class RecordClock(threading.Thread):
    """Reads the record of a run while it grows; seconds are counted since the clock was made."""

    def __init__(self, record: Path) -> None:
        super().__init__(daemon=True)
        self._record, self._start, self._stopped, self._offset = record, time.perf_counter(), threading.Event(), 0
        self.processes = ProcessWatch()
        self.events: list[TimedEvent] = []

    def run(self) -> None:
        """Read the record until ``stop`` is called."""
        self.processes.start()
        while not self._stopped.wait(RECORD_INTERVAL):
            self._read()

    def stop(self) -> float:
        """Stop the thread, read what is left of the record, and return the seconds since the start."""
        seconds = time.perf_counter() - self._start
        self._stopped.set()
        self.join()
        self._read()
        return seconds

    def _read(self) -> None:
        if not self._record.exists():
            return
        with self._record.open("rb") as file:
            file.seek(self._offset)
            text = file.read()
        complete = text.rfind(b"\n") + 1  # the last line may still be in writing
        self._offset += complete
        seconds = time.perf_counter() - self._start
        for line in text[:complete].splitlines():
            self.events.append(TimedEvent(EVENTS.validate_json(line), seconds, self.processes.core_seconds))


def _core_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
