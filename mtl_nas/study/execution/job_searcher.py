"""Connects Ray Tune to the driver: each trial of Ray is a worker, which does jobs one after the other."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ray.tune.search import Searcher

from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult

Give = Callable[[str, Sequence[str]], object]  # sends jobs to a worker; an empty sequence ends it

Look = Callable[[Mapping[str, tuple[Job, ...]]], Mapping[str, JobResult]]

LOST = JobResult(failure="lost", reason="the worker died")
SILENT = JobResult(failure="machine", reason="Ray's processes on the driver's machine do not answer")


class JobSearcher(Searcher):
    """Gives Ray Tune trials, each of which is a worker of the search.

    A worker reports that it has started, and later the results of its jobs. After each report it is given its next
    jobs as soon as there are some. A worker thereby stays alive at barriers, where it has no job: Ray ends the process
    of a trial that has finished, and a new process takes seconds to import torch.

    Args:
        driver: Proposes jobs and receives their results.
        give: Sends jobs to a worker.
        limit: The largest number of workers.
        keeps: Whether workers without a job stay alive; otherwise they end, and new ones start when there are jobs.
        alive: Whether Ray answers on the driver's machine; if it does not, a lost worker is no trial's fault.
        watch: Told the jobs of each worker again and again; ends workers that hang, and returns the result of each job
            of those that it has ended.
    """

    def __init__(
        self,
        driver: Driver,
        give: Give,
        *,
        limit: int,
        keeps: bool = True,
        alive: Callable[[], bool] = lambda: True,
        watch: Look = lambda running: {},
    ) -> None:
        super().__init__(metric="score", mode="max")
        self._driver, self._give, self._limit, self._keeps, self._alive = driver, give, limit, keeps, alive
        self._watch = watch
        self._ready = deque[tuple[Job, ...]]()  # jobs that wait for a worker to start
        self._starting = set[str]()
        self._running: dict[str, tuple[Job, ...]] = {}  # by worker
        self._free = deque[str]()
        self.problem: BaseException | None = None

    def suggest(self, trial_id: str) -> Any:
        """A trial that is a worker, None while there are enough of them, or ``FINISHED``; Ray asks all the time."""
        for worker, result in (self._guarded(partial(self._watch, self._running)) or {}).items():
            jobs = self._running.pop(worker)  # so that nothing more is expected of the worker
            self._done(jobs, [result] * len(jobs))
        self._hand_out()
        if self._over:
            return Searcher.FINISHED
        if len(self._ready) <= len(self._starting):
            return None
        self._starting.add(trial_id)
        return {"worker": trial_id}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Pass results to the driver, and the next jobs to the worker.

        Ray repeats the last report of a trial; the repetition is ignored.
        """
        if trial_id in self._starting:
            self._starting.remove(trial_id)
        elif jobs := self._running.pop(trial_id, ()):
            self._done(jobs, [JobResult.model_validate_json(text) for text in result["results"]])
        else:
            return
        self._free.append(trial_id)
        self._hand_out()

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass to the driver that jobs are lost whose worker died or could not start."""
        jobs = self._running.pop(trial_id, ())
        if trial_id in self._starting:
            self._starting.remove(trial_id)
            jobs = self._ready.popleft() if self._ready else ()
        if trial_id in self._free:
            self._free.remove(trial_id)
        lost = LOST if not jobs or self._alive() else SILENT
        self._done(jobs, [lost] * len(jobs))
        self._hand_out()

    def __getstate__(self) -> dict[str, Any]:
        """Empty, as Ray pickles searchers for a restore that this package does not use."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "JobSearcher":
        """The searcher itself, as the run folder has one writer."""
        return self

    def save(self, checkpoint_path: str) -> None:
        """Do nothing, as the record holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as the record holds the state."""

    @property
    def _over(self) -> bool:
        return self._driver.done or self.problem is not None

    def _hand_out(self) -> None:
        """Take jobs that can start now from the driver, and send them to free workers."""
        while len(self._ready) + len(self._running) < self._limit and not self._over:
            jobs = self._guarded(self._driver.next_jobs)
            if not jobs:
                break
            self._ready.append(jobs)
        if self.problem:
            self._ready.clear()
        while self._ready and self._free:
            worker = self._free.popleft()
            self._running[worker] = self._ready.popleft()
            self._give(worker, [job.model_dump_json() for job in self._running[worker]])
        while self._free and (self._over or not self._keeps):
            self._give(self._free.popleft(), [])

    def _done(self, jobs: Sequence[Job], results: Sequence[JobResult]) -> None:
        for job, job_result in zip(jobs, results, strict=True):
            if not self.problem:
                self._guarded(partial(self._driver.job_done, job, job_result))

    def _guarded(self, call: Any) -> Any:
        try:
            return call()
        except BaseException as problem:  # raised again when Ray has ended, as Ray would wrap it
            self.problem = self.problem or problem
            return None
