"""Ray Tune executes the jobs of a search.

A searcher connects Ray Tune to the driver. A trial of Ray is a worker with one thread, which does jobs until the search
ends. The data are put into the object store once. Jobs and files go through an actor on the driver's node, as workers
may not see its disk.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import ray
from ray import tune

from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.record import Heartbeat, RunFolder, RunServer
from mtl_nas.study.deadlines import deadline
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution.cluster import cluster
from mtl_nas.study.execution.heartbeats import SILENCE, Watch, beating
from mtl_nas.study.execution.job_searcher import JobSearcher
from mtl_nas.study.execution.private_folder import private_folder
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job, JobResult

ANSWER_TIMEOUT = 20.0  # seconds
CLUSTER_GROWTH = 4  # factor on a cluster's size at the start, up to which it may grow during a search
SPARE_CALLS = 100  # calls that the server takes at a time while all workers wait for jobs


def do_jobs(jobs: Sequence[Job], data: Dataset, server: Any, device: str) -> Sequence[JobResult]:
    """Do jobs in a worker, which reads and writes files through the server."""
    return work(
        jobs,
        data,
        get=lambda name: ray.get(server.get.remote(name)),
        put=lambda name, content: ray.get(server.put.remote(name, content)),
        device=device,
    )


def serve(
    config: dict[str, Any], do: Callable[..., Sequence[JobResult]], data: Dataset, server: Any, device: str
) -> None:
    """Ray's trainable; at module level, so that it is pickled without the driver."""
    worker, node = config["worker"], ray.get_runtime_context().get_node_id()
    with beating(lambda: server.beat.remote(worker, os.getpid(), node)):
        tune.report({"score": 0.0, "results": []})
        while texts := ray.get(server.jobs_for.remote(worker)):
            results = do([Job.model_validate_json(text) for text in texts], data, server, device)
            tune.report({"score": 0.0, "results": [result.model_dump_json() for result in results]})


def execute(driver: Driver, data: Dataset, folder: RunFolder, resources: Resources) -> None:
    """Do the jobs of a driver until the search is done; raise what the driver raised."""
    elastic = resources.address is not None and not resources.cpus
    with private_folder() as scratch, cluster(resources, scratch) as shares:
        driver.runs_on(shares.workers, shares.gpus)
        limit = concurrent_trials(shares.workers, elastic=elastic)
        node = ray.get_runtime_context().get_node_id()
        same_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        options = {"num_cpus": 0, "scheduling_strategy": same_node, "max_concurrency": limit + SPARE_CALLS}
        server: Any = ray.remote(RunServer).options(**options).remote(str(folder.path.resolve()))
        trainable = tune.with_parameters(serve, do=do_jobs, data=data.for_search(), server=server, device=shares.device)
        # a growing cluster is shared, and its nodes come and go: workers without a job give their room back
        searcher = JobSearcher(
            driver,
            server.give.remote,
            limit=limit,
            keeps=not elastic,
            alive=partial(_answers, server),
            watch=Watch(_Question(server), _end_process, partial(deadline, driver.state)),
        )
        tuner = tune.Tuner(
            tune.with_resources(trainable, shares.resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=limit + 1,  # Ray goes on asking, and a limit of time may change the answer
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                name="jobs", storage_path=str(scratch), verbose=0, failure_config=tune.FailureConfig(max_failures=0)
            ),
        )
        tuner.fit()
        if searcher.problem is not None:
            raise searcher.problem


class _Question:
    """Asks the server for the heartbeats, and does not wait for the answer."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._asked: Any = None
        self._since = 0.0

    def __call__(self) -> Mapping[str, Heartbeat] | None:
        """The heartbeats by worker; None while there is no answer.

        Raises:
            RunError: There is none for minutes, or the server has died.
        """
        if self._asked is None:
            self._asked, self._since = self._server.beats.remote(), time.monotonic()
        try:
            ready, _ = ray.wait([self._asked], timeout=0)
            if ready:
                beats: Mapping[str, Heartbeat] = ray.get(self._asked)
                self._asked = None
                return beats
        except ray.exceptions.RayError:
            return None  # workers notice it too, and their jobs are lost
        if time.monotonic() - self._since > SILENCE:
            ray.kill(self._server)  # so that no worker waits for it
            raise RunError("the search is paused, as Ray's processes on this machine do not answer; resume the run")
        return None


def _end_process(beat: Heartbeat) -> None:
    """Kill the process of a worker, which may be stopped, on whichever node it is."""
    same_node = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(beat.node, soft=False)
    ray.remote(_kill).options(num_cpus=0, scheduling_strategy=same_node).remote(beat.process)


def _kill(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _answers(server: Any) -> bool:
    """Whether the actor that passes jobs and files answers in time."""
    try:
        ray.get(server.ping.remote(), timeout=ANSWER_TIMEOUT)
    except (ray.exceptions.RayError, TimeoutError):
        return False
    return True


def concurrent_trials(workers: int, *, elastic: bool) -> int:
    """The number of trials given to Ray at once; on a cluster more than it has workers, as nodes may join."""
    return workers * CLUSTER_GROWTH if elastic else workers
