"""Ray Tune executes the jobs of a search.

A searcher connects Ray Tune to the driver. Actors are reused, and each has one thread. The data are put into the object
store once. Workers read and write files through an actor on the driver's node, as they may not see its disk.
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

CLUSTER_GROWTH = 4  # factor on a cluster's size at the start, up to which it may grow during a search


class JobSearcher(Searcher):
    """Gives Ray Tune trials, each of which does one or more jobs of the driver."""

    def __init__(self, driver: Driver) -> None:
        super().__init__(metric="score", mode="max")
        self._driver = driver
        self._running: dict[str, tuple[Job, ...]] = {}  # by the name of Ray's trial
        self.problem: BaseException | None = None

    def suggest(self, trial_id: str) -> Any:
        """A trial with jobs of the driver, None while all possible jobs are running, or ``FINISHED``."""
        jobs = None if self.problem else self._guarded(self._driver.next_jobs)
        if not jobs:
            return Searcher.FINISHED if self._driver.done or self.problem else None
        self._running[trial_id] = jobs
        return {"jobs": [job.model_dump_json() for job in jobs]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Pass the results of a trial to the driver; without results, its worker died."""
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
        """Empty, as Ray pickles searchers for a restore that this package does not use."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "JobSearcher":
        """The searcher itself, as the run folder has one writer."""
        return self

    def save(self, checkpoint_path: str) -> None:
        """Do nothing, as the record holds the state."""

    def restore(self, checkpoint_path: str) -> None:
        """Do nothing, as the record holds the state."""

    def _guarded(self, call: Any) -> Any:
        try:
            return call()
        except BaseException as problem:  # raised again when Ray has ended, as Ray would wrap it
            self.problem = self.problem or problem
            return None


def train_one(config: dict[str, Any], data: Dataset, file_store: Any, device: str) -> None:
    """Ray's trainable; at module level, so that it is pickled without the driver."""
    results = work(
        [Job.model_validate_json(job) for job in config["jobs"]],
        data,
        get=lambda name: ray.get(file_store.get.remote(name)),
        put=lambda name, content: ray.get(file_store.put.remote(name, content)),
        device=device,
    )
    tune.report({"score": results[0].score, "results": [result.model_dump_json() for result in results]})


def execute(driver: Driver, data: Dataset, folder: RunFolder, resources: Resources) -> None:
    """Do the jobs of a driver until the search is done; raise what the driver raised."""
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
    """The number of trials given to Ray at once; on a cluster more than it has workers, as nodes may join."""
    return workers * CLUSTER_GROWTH if elastic else workers


@contextmanager
def _scratch_folder() -> Iterator[str]:
    """A temporary folder for files that Ray insists on writing."""
    path = tempfile.mkdtemp(prefix="mtl-nas-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
