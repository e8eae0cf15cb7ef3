"""Heartbeats of workers: one that falls silent or takes far too long is ended, and its jobs are given to another."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress

from mtl_nas.record import Heartbeat
from mtl_nas.study.execution.repeating import repeated
from mtl_nas.study.jobs import Job, JobResult

PERIOD = 5.0  # seconds between heartbeats, and between looks at them
SILENCE = 120.0  # seconds without a heartbeat after which a worker counts as stopped

Jobs = tuple[Job, ...]


@contextmanager
def beating(beat: Callable[[], object]) -> Iterator[None]:
    """Call ``beat`` at once and every few seconds from a thread of its own, until the end of the block."""

    def beat_if_possible() -> None:
        with suppress(Exception):  # the worker itself finds out if its server is gone
            beat()

    beat()
    with repeated(beat_if_possible, PERIOD):
        yield


class Watch:
    """Watches workers; a call looks at those that have jobs, and returns the results of jobs whose worker it ended.

    Args:
        ask: Returns the last heartbeats by worker; None while they are on their way.
        end: Ends the process of a heartbeat.
        deadline: Seconds that jobs may take; None if that is not known.
        now: The time in seconds.
    """

    def __init__(
        self,
        ask: Callable[[], Mapping[str, Heartbeat] | None],
        end: Callable[[Heartbeat], object],
        deadline: Callable[[Jobs], float | None],
        *,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._end, self._deadline, self._now = ask, end, deadline, now
        self._next = 0.0
        self._begun: dict[str, tuple[Jobs, float]] = {}  # jobs of a worker, and when they were seen first

    def __call__(self, running: Mapping[str, Jobs]) -> dict[str, JobResult]:
        now = self._now()
        if now < self._next or (beats := self._ask()) is None:
            return {}
        self._next = now + PERIOD
        self._begun = {worker: self._since(worker, jobs, now) for worker, jobs in running.items()}
        ended: dict[str, JobResult] = {}
        for worker, (jobs, begun) in self._begun.items():
            beat, limit = beats.get(worker), self._deadline(jobs)
            if beat is None:
                continue
            if beat.silence > SILENCE:
                ended[worker] = JobResult(
                    failure="machine", reason=f"a worker is stopped: it gave no sign of life for {beat.silence:.0f} s"
                )
            elif limit is not None and now - begun > limit:
                ended[worker] = JobResult(failure="lost", reason=f"its training did not end within {limit:.0f} s")
            if worker in ended:
                self._end(beat)
        return ended

    def _since(self, worker: str, jobs: Jobs, now: float) -> tuple[Jobs, float]:
        before = self._begun.get(worker)
        return before if before is not None and before[0] is jobs else (jobs, now)
