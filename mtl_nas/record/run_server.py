"""Serves workers on any machine from the machine that holds the run folder.

The class is part of ``record`` and not of ``study``, so that its process imports no torch.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from mtl_nas.record.file_store import FileStore


class RunServer(FileStore):
    """Reads and writes files of a run folder, and passes jobs to workers; runs as a process of its own."""

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self._given = defaultdict[str, asyncio.Queue[Sequence[str]]](asyncio.Queue)

    async def jobs_for(self, worker: str) -> Sequence[str]:
        """Wait for the next jobs of a worker; an empty sequence ends it."""
        return await self._given[worker].get()

    async def give(self, worker: str, jobs: Sequence[str]) -> None:
        await self._given[worker].put(jobs)
