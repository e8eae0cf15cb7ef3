"""Serves workers on any machine from the machine that holds the run folder.

The class is part of ``record`` and not of ``study``, so that its process imports no torch.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from mtl_nas.record.file_store import FileStore


class Heartbeat(NamedTuple):
    """The last sign of life of a worker."""

    silence: float  # seconds since then
    process: int
    node: str  # of Ray, on which the process is


class RunServer(FileStore):
    """Reads and writes files of a run folder, and passes jobs to workers; runs as a process of its own."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._given = defaultdict[str, asyncio.Queue[Sequence[str]]](asyncio.Queue)
        self._beats: dict[str, Heartbeat] = {}  # by worker; with the time of the beat in place of the silence

    async def jobs_for(self, worker: str) -> Sequence[str]:
        """Wait for the next jobs of a worker; an empty sequence ends it."""
        return await self._given[worker].get()

    async def give(self, worker: str, jobs: Sequence[str]) -> None:
        await self._given[worker].put(jobs)

    async def beat(self, worker: str, process: int, node: str) -> None:
        """Note that a worker is alive."""
        self._beats[worker] = Heartbeat(time.monotonic(), process, node)

    async def beats(self) -> dict[str, Heartbeat]:
        """The last heartbeat of every worker."""
        now = time.monotonic()
        return {worker: beat._replace(silence=now - beat.silence) for worker, beat in self._beats.items()}
