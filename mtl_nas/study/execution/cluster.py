"""Starts Ray on this machine, or joins a cluster."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any

import ray
import torch

from mtl_nas.errors import RunError
from mtl_nas.study.execution.resources import Resources, WorkerShares, worker_shares
from mtl_nas.study.execution.signals import same_signal_handlers

CONNECT_TIMEOUT = 10.0  # seconds for a cluster's address to answer
ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no log files beside the record
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C stops the search, not one trial
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
LOG = logging.getLogger(__name__)


@contextmanager
def cluster(resources: Resources) -> Iterator[WorkerShares]:
    """Start or join Ray unless this process did already, yield the shares of workers, and leave Ray at the end."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures of workers are in the record
    started = not ray.is_initialized()
    if started:
        _start(resources)
    try:
        available = ray.cluster_resources()  # type: ignore[no-untyped-call]  # of ray
        yield worker_shares(resources, int(available.get("CPU", 0)), available.get("GPU", 0.0))
    finally:
        if started:
            ray.shutdown()


def _start(resources: Resources) -> None:
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    if resources.address is not None:
        options["address"] = resources.address
    else:
        visible = torch.cuda.device_count()  # not Ray's count, as torch may be a build without CUDA
        if (resources.gpus or 0) > visible:
            raise RunError(f"a search needs {resources.gpus:g} gpus, and torch sees {visible} here; lower --gpus")
        gpus = visible if resources.gpus is None else ceil(resources.gpus)
        options.update(address="local", num_cpus=resources.cpus or os.cpu_count(), num_gpus=gpus)
    _probe(resources.address)
    LOG.info("starting Ray ..." if resources.address is None else f"joining Ray at {resources.address} ...")
    try:
        with same_signal_handlers():
            ray.init(**options)
    except (ConnectionError, ValueError) as problem:
        raise RunError(f"no Ray cluster at '{resources.address}': {str(problem).splitlines()[0]}") from None


def _probe(address: str | None) -> None:
    """Raise a RunError if nothing listens at an address, which Ray itself would notice after minutes."""
    host, colon, port = (address or "").removeprefix("ray://").rpartition(":")
    if not (colon and port.isdigit()):
        return
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_TIMEOUT).close()
    except OSError as problem:
        raise RunError(f"no Ray cluster at '{address}': {problem}; start one with: ray start --head") from None
