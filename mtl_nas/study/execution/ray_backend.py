"""Ray Tune executes the jobs of a search.

A searcher stands between Ray Tune and the driver. Actors are reused, a trial has one thread, the data travel once
through the object store, and files go through an actor on the driver's node, so that no trial reads the driver's disk.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import ray
from ray import tune
from ray.tune.search import Searcher

from mtl_nas.data import Dataset
from mtl_nas.record import FileStore, RunFolder
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution.cluster import cluster
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job, JobResult

CLUSTER_GROWTH = 4  # times its size at the start, up to which a cluster may grow during a search


class JobSearcher(Searcher):
    """Ray Tune asks it for trials, each of which does one or more jobs of the driver."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(metric="score", mode="max")
        self._driver = driver
        self._running: dict[str, tuple[Job, ...]] = {}  # by the name of Ray's trial
        self.problem: BaseException | None = None

    def suggest(self, trial_id: str) -> Any:
        """Jobs that are done as one, None while all possible jobs are running, or the end."""
        jobs = None if self.problem else self._guarded(self._driver.next_jobs)
        if not jobs:
            return Searcher.FINISHED if self._driver.done or self.problem else None
        self._running[trial_id] = jobs
        return {"jobs": [job.model_dump_json() for job in jobs]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Give the results to the driver; a worker that was killed has none."""
        jobs = self._running.pop(trial_id, ())
        if self.problem:
            return
        if error or not result or "results" not in result:
            results = [JobResult(failure="lost", reason="the worker died")] * len(jobs)
        else:
            results = [JobResult.model_validate_json(text) for text in result["results"]]
        for job, job_result in zip(jobs, results, strict=True):
            self._guarded(partial(self._driver.job_done, job, job_result))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray pickles its arguments for a restore that is never made."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "JobSearcher":
        """Itself: the run folder has one writer."""
        return self

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the record is the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: the record is the state."""

    def _guarded(self, call: Any) -> Any:
        try:
            return call()
        except BaseException as problem:  # Ray would wrap it; it is raised again when Ray has ended
            self.problem = self.problem or problem
            return None


def train_one(config: dict[str, Any], data: Dataset, file_store: Any, device: str) -> None:
    """The trainable, at module level so that it carries nothing of the driver into a worker."""
    results = work(
        [Job.model_validate_json(job) for job in config["jobs"]],
        data,
        get=lambda name: ray.get(file_store.get.remote(name)),
        put=lambda name, content: ray.get(file_store.put.remote(name, content)),
        device=device,
    )
    tune.report({"score": results[0].score, "results": [result.model_dump_json() for result in results]})


def execute(driver: Driver, data: Dataset, folder: RunFolder, resources: Resources) -> None:
    """Do the jobs of the driver until it is done."""
    elastic = resources.address is not None and not resources.cpus
    with cluster(resources) as shares, _scratch_folder() as scratch:
        driver.runs_on(shares.workers, shares.gpus)
        node = ray.get_runtime_context().get_node_id()
        same_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        file_store = (
            ray.remote(FileStore).options(num_cpus=0, scheduling_strategy=same_node).remote(str(folder.path.resolve()))
        )
        trainable = tune.with_parameters(train_one, data=data.for_search(), file_store=file_store, device=shares.device)
        searcher = JobSearcher(driver)
        tuner = tune.Tuner(
            tune.with_resources(trainable, shares.resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=concurrent_trials(shares.workers, elastic=elastic),
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                name="jobs", storage_path=scratch, verbose=0, failure_config=tune.FailureConfig(max_failures=0)
            ),
        )
        tuner.fit()
        if searcher.problem is not None:
            raise searcher.problem


def concurrent_trials(workers: int, *, elastic: bool) -> int:
    """The number of trials that Ray is given at once: on a cluster more than it has room for, as nodes may join."""
    return workers * CLUSTER_GROWTH if elastic else workers


@contextmanager
def _scratch_folder() -> Iterator[str]:
    """A folder for files that Ray writes and nobody reads."""
    path = tempfile.mkdtemp(prefix="mtl-nas-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
