"""Ray Tune executes the jobs: the one module that knows Ray.

Our searcher stands between Ray and the core. Actors are reused, one thread a trial, data travel once through the object
store, and files go through an actor on the driver's node, so that nothing in a trial reads the driver's disk.
"""

import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # before ray is imported
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # no files that nobody reads
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is ours
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
import torch
from ray import tune
from ray.tune.search import Searcher

from mtl_nas.data import Dataset
from mtl_nas.errors import RunError
from mtl_nas.record.file_store import FileStore
from mtl_nas.record.folder import RunFolder
from mtl_nas.study.driver import Core
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Answer, Job

PATIENCE = 10.0  # seconds for a cluster's address to answer
GROWTH = 4  # times the size that it has at the start, that a cluster may grow to
WORKERS_A_GPU = 4  # where no number is given: each takes half a GiB there, and they wait for each other
LOG = logging.getLogger(__name__)
logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # a worker that died is told by us, in a line


@dataclass(frozen=True)
class Resources:
    """What a search may use; None is all that this machine (or the cluster at ``address``) has."""

    cpus: int | None = None
    gpus: float | None = None
    address: str | None = None


@dataclass(frozen=True)
class Shares:
    """How many workers run side by side, the part of a GPU that each has, and how many GPUs they are on, if any."""

    workers: int
    gpu: float
    gpus: int

    @property
    def device(self) -> str:
        """Where a worker trains."""
        return "cuda" if self.gpus else "cpu"

    @property
    def resources(self) -> dict[str, float]:
        """What Ray sets aside for a worker."""
        return {"cpu": 1.0, **({"gpu": self.gpu} if self.gpus else {})}


def shares(resources: Resources, cpus: int, gpus: float) -> Shares:
    """Of what Ray has. Of several GPUs each takes whole workers; a RunError where more is asked for than there is.

    >>> shares(Resources(), 16, 1.0)
    Shares(workers=4, gpu=0.25, gpus=1)
    >>> shares(Resources(cpus=6), 16, 4.0)
    Shares(workers=6, gpu=0.5, gpus=4)
    """
    workers = resources.cpus or cpus
    if cpus < 1 or workers > cpus:
        raise RunError(f"a search needs {max(workers, 1)} cpus, and Ray has {cpus}; lower --cpus")
    if (resources.gpus or 0) > gpus:
        raise RunError(f"a search needs {resources.gpus:g} gpus, and Ray has {gpus:g}; lower --gpus")
    used = gpus if resources.gpus is None else resources.gpus
    if not used:
        return Shares(workers, 0.0, 0)
    if resources.cpus is None:
        workers = min(workers, WORKERS_A_GPU * ceil(used))
    return Shares(workers, used / workers if used <= 1 else 1 / ceil(workers / int(used)), ceil(used))


class JobSearcher(Searcher):
    """Ray asks it for trials; it asks the core for jobs. Those that a worker does as one are a new Ray trial."""

    def __init__(self, core: Core) -> None:
        super().__init__(metric="score", mode="max")
        self._core = core
        self._live: dict[str, tuple[Job, ...]] = {}
        self.problem: BaseException | None = None

    def suggest(self, trial_id: str) -> Any:
        """Jobs that are done as one, None at a barrier, or the end."""
        jobs = None if self.problem else self._guarded(self._core.next_jobs)
        if not jobs:
            return Searcher.FINISHED if self._core.done or self.problem else None
        self._live[trial_id] = jobs
        return {"jobs": [job.model_dump_json() for job in jobs]}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Hand the answers on; a killed worker has none."""
        jobs = self._live.pop(trial_id, ())
        if self.problem:
            return
        if error or not result or "answers" not in result:
            answers = [Answer(failure="lost", reason="the worker died")] * len(jobs)
        else:
            answers = [Answer.model_validate_json(answer) for answer in result["answers"]]
        for job, answer in zip(jobs, answers, strict=True):
            self._guarded(partial(self._core.job_done, job, answer))

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Ray pickles its arguments for a restore that is never done."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "JobSearcher":
        """Itself: the core has one writer."""
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
    """The trainable: at module level, so that it carries nothing of the driver into a worker."""
    answers = work(
        [Job.model_validate_json(job) for job in config["jobs"]],
        data,
        get=lambda name: ray.get(file_store.get.remote(name)),
        put=lambda name, content: ray.get(file_store.put.remote(name, content)),
        device=device,
    )
    tune.report({"score": answers[0].score, "answers": [answer.model_dump_json() for answer in answers]})


def execute(core: Core, data: Dataset, folder: RunFolder, resources: Resources) -> None:
    """Run jobs until the core is done."""
    elastic = resources.address is not None and not resources.cpus
    with _cluster(resources) as found, _scratch() as scratch:
        core.runs_on(found.workers, found.gpus)
        node = ray.get_runtime_context().get_node_id()
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node, soft=False)
        file_store = (
            ray.remote(FileStore).options(num_cpus=0, scheduling_strategy=here).remote(str(folder.path.resolve()))
        )
        trainable = tune.with_parameters(train_one, data=data.for_search(), file_store=file_store, device=found.device)
        searcher = JobSearcher(core)
        tuner = tune.Tuner(
            tune.with_resources(trainable, found.resources),
            tune_config=tune.TuneConfig(
                search_alg=searcher,
                num_samples=-1,
                reuse_actors=True,
                max_concurrent_trials=concurrent(found.workers, elastic=elastic),
                trial_dirname_creator=lambda trial: str(trial.trial_id),
            ),
            run_config=tune.RunConfig(
                name="jobs", storage_path=scratch, verbose=0, failure_config=tune.FailureConfig(max_failures=0)
            ),
        )
        tuner.fit()
        if searcher.problem is not None:
            raise searcher.problem


def concurrent(workers: int, *, elastic: bool) -> int:
    """Jobs that Ray is given at once: nodes may join a cluster, and those that wait then run on them."""
    return workers * GROWTH if elastic else workers


def _probe(address: str | None) -> None:
    """Ray tries for minutes, without a word, to reach an address where nobody listens."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()
    except OSError as problem:
        raise RunError(f"no Ray cluster at '{address}': {problem}; start one with: ray start --head") from None


@contextmanager
def _cluster(resources: Resources) -> Iterator[Shares]:
    """A Ray session, and what the workers have of it."""
    started = not ray.is_initialized()
    if started:
        options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
        if resources.address is not None:
            options["address"] = resources.address
        else:
            here = torch.cuda.device_count()  # not what Ray finds: torch may be one without CUDA
            if (resources.gpus or 0) > here:
                raise RunError(f"a search needs {resources.gpus:g} gpus, and torch sees {here} here; lower --gpus")
            gpus = here if resources.gpus is None else ceil(resources.gpus)
            options.update(address="local", num_cpus=resources.cpus or os.cpu_count(), num_gpus=gpus)
        _probe(resources.address)
        LOG.info("starting Ray ..." if resources.address is None else f"joining Ray at {resources.address} ...")
        try:
            ray.init(**options)
        except (ConnectionError, ValueError) as problem:
            raise RunError(f"no Ray cluster at '{resources.address}': {str(problem).splitlines()[0]}") from None
    try:
        there = ray.cluster_resources()  # type: ignore[no-untyped-call]  # of ray
        yield shares(resources, int(there.get("CPU", 0)), there.get("GPU", 0.0))
    finally:
        if started:
            ray.shutdown()


@contextmanager
def _scratch() -> Iterator[str]:
    """A folder for what Ray writes and nobody reads."""
    path = tempfile.mkdtemp(prefix="mtl-nas-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
