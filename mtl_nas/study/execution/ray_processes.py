"""Ray's processes on this machine: one that stays stopped is ended, and it is said when one has died that Ray needs.

Ray notices a process that has died, and waits for ever for one that is stopped.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

from mtl_nas.study.execution.repeating import repeated

PERIOD = 5.0  # seconds between looks
LOOKS = 24  # in a row at which a process is stopped, after which it is ended; suspending the search stops the looks too
SERVERS = ("gcs_server", "raylet")  # what a Ray of one machine cannot do without
LOG = logging.getLogger(__name__)

Processes = Callable[[], dict[str, list[psutil.Process]]]


@contextmanager
def watched_processes() -> Iterator[None]:
    """Watch, from a thread of its own, the processes of the Ray that this process has started."""
    look = Look()

    def look_and_warn() -> None:
        for line in look():
            LOG.warning(line)

    with repeated(look_and_warn, PERIOD):
        yield


def own_processes() -> dict[str, list[psutil.Process]]:
    """The servers of Ray that this process has started, each with the processes below it."""
    servers = [process for process in psutil.Process().children() if _name(process) in SERVERS]
    return {_name(server): [server, *_below(server)] for server in servers}


class Look:
    """Each call looks at the processes, ends those that stay stopped, and returns what is to be said of it."""

    def __init__(self, processes: Processes = own_processes) -> None:
        self._processes = processes
        self._servers = frozenset[str]()  # those that were seen
        self._stopped: dict[psutil.Process, int] = {}  # how many looks in a row a process is stopped

    def __call__(self) -> list[str]:
        processes = self._processes()
        alive = frozenset(name for name, alike in processes.items() if _status(alike[0]) != psutil.STATUS_ZOMBIE)
        died, self._servers = self._servers - alive, alive
        lines = [f"Ray's process {name} has died: the search stops within a minute; resume the run" for name in died]
        stopped = [each for alike in processes.values() for each in alike if _status(each) == psutil.STATUS_STOPPED]
        self._stopped = {process: self._stopped.get(process, 0) + 1 for process in stopped}
        for process, looks in self._stopped.items():
            if looks >= LOOKS:
                lines.append(f"a process of Ray, {_name(process)}, was stopped for {looks * PERIOD:.0f} s and is ended")
                with suppress(psutil.Error):
                    process.kill()
        return sorted(lines)


def _name(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return str(process.name()).removesuffix(".exe")
    return ""


def _status(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return str(process.status())
    return str(psutil.STATUS_ZOMBIE)


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []
