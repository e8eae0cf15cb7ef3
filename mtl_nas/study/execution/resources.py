"""The CPUs and GPUs of a search, and how its workers share them."""

import os
from dataclasses import dataclass
from math import ceil

from mtl_nas.errors import RunError

WORKERS_PER_GPU = 4  # if no number is given; more would not be faster, and each takes half a GiB of GPU memory


@dataclass(frozen=True)
class Resources:
    """What a search may use.

    Attributes:
        cpus: Number of workers, each on one core; all cores of this machine or cluster if not given.
        gpus: Number of GPUs that the workers share, which may be a part of one; all if not given.
        address: Address of a Ray cluster, ``auto`` or ``host:port``; this machine alone if not given.
        in_process: Whether the search trains in this process, one design after the other on one core, without Ray. It
            starts at once: for small tables, notebooks and tests.

    Raises:
        RunError: A search in this process is given several CPUs or a cluster.
    """

    cpus: int | None = None
    gpus: float | None = None
    address: str | None = None
    in_process: bool = False

    def __post_init__(self) -> None:
        """Refuse what one process cannot use."""
        if self.in_process and (self.address is not None or (self.cpus or 1) != 1):
            given = f"address {self.address}" if self.address is not None else f"cpus {self.cpus}"
            raise RunError(f"a search in this process has one worker, got {given}; leave in_process out")


def shared_cores(resources: Resources) -> str:
    """A warning if more workers are requested than this machine has cores, else an empty text."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if (resources.cpus or 0) <= cores:
        return ""
    return f"{resources.cpus} workers share {cores} cores, and train no faster than {cores}; lower --cpus"


@dataclass(frozen=True)
class WorkerShares:
    """The number of workers, the fraction of a GPU that each has, and the number of GPUs."""

    workers: int
    gpu: float
    gpus: int

    @property
    def device(self) -> str:
        """The torch device of a worker."""
        return "cuda" if self.gpus else "cpu"

    @property
    def resources(self) -> dict[str, float]:
        """The resources that Ray reserves for a worker."""
        return {"cpu": 1.0, **({"gpu": self.gpu} if self.gpus else {})}


def worker_shares(resources: Resources, cpus: int, gpus: float) -> WorkerShares:
    """Divide Ray's CPUs and GPUs among workers, or raise a RunError if more is requested than Ray has.

    Of several GPUs, each has a whole number of workers.

    >>> worker_shares(Resources(), 16, 1.0)
    WorkerShares(workers=4, gpu=0.25, gpus=1)
    >>> worker_shares(Resources(cpus=6), 16, 4.0)
    WorkerShares(workers=6, gpu=0.5, gpus=4)
    """
    workers = resources.cpus or cpus
    if cpus < 1 or workers > cpus:
        raise RunError(f"a search needs {max(workers, 1)} cpus, and Ray has {cpus}; lower --cpus")
    if (resources.gpus or 0) > gpus:
        raise RunError(f"a search needs {resources.gpus:g} gpus, and Ray has {gpus:g}; lower --gpus")
    used = gpus if resources.gpus is None else resources.gpus
    if not used:
        return WorkerShares(workers, 0.0, 0)
    if resources.cpus is None:
        workers = min(workers, WORKERS_PER_GPU * ceil(used))
    return WorkerShares(workers, used / workers if used <= 1 else 1 / ceil(workers / int(used)), ceil(used))
