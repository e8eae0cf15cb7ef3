"""Starts Ray on this machine, or joins a cluster."""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from math import ceil
from pathlib import Path
from typing import Any

import ray
import torch
from ray._private import ray_constants

from mtl_nas.errors import RunError
from mtl_nas.study.execution.address import settled_address
from mtl_nas.study.execution.ray_processes import watched_processes
from mtl_nas.study.execution.resources import Resources, WorkerShares, shared_cores, worker_shares
from mtl_nas.study.execution.signals import same_signal_handlers

ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no log files beside the record
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # Ctrl-C stops the search, not one trial
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
TOKEN = secrets.token_hex(32)  # of the clusters that this process starts
LOG = logging.getLogger(__name__)


@contextmanager
def cluster(resources: Resources, scratch: Path) -> Iterator[WorkerShares]:
    """Start or join Ray unless this process did already, yield the shares of workers, and leave Ray at the end.

    A Ray that is started here serves this machine alone: it listens on the loopback interface, has a token of its own,
    and keeps its files and sockets in ``scratch``, a folder that only this user can open.
    """
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # failures of workers are in the record
    started = not ray.is_initialized()
    with _own_token() if started and resources.address is None else nullcontext():
        yield from _started_or_joined(resources, scratch, started=started)


def _started_or_joined(resources: Resources, scratch: Path, *, started: bool) -> Iterator[WorkerShares]:
    try:
        with watched_processes() if started and resources.address is None else nullcontext():
            if started:
                _start(resources, scratch)
            available = ray.cluster_resources()  # type: ignore[no-untyped-call]  # of ray
            yield worker_shares(resources, int(available.get("CPU", 0)), available.get("GPU", 0.0))
    finally:
        if started:
            ray.shutdown()


@contextmanager
def _own_token() -> Iterator[None]:
    """Let Ray have a token of this process, whatever the environment says, and write none into the home folder."""
    before = {name: os.environ.pop(name, None) for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")}
    os.environ["RAY_AUTH_TOKEN"] = TOKEN  # mode token is Ray's default for a cluster of one machine
    _forget_token()
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
        _forget_token()


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let the Ray that is started here listen on 127.0.0.1 alone, as it does on macOS and Windows anyway."""
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False  # Ray has no option for this
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _forget_token() -> None:
    """Let Ray read the token again; versions before 2.52 have none."""
    with suppress(ImportError, AttributeError):
        from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]  # of Cython

        AuthenticationTokenLoader.instance().reset_cache()


def _start(resources: Resources, scratch: Path) -> None:
    options: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": "error"}
    if resources.address is not None:
        options["address"] = settled_address(resources.address)
    else:
        if warning := shared_cores(resources):
            LOG.warning(warning)
        visible = torch.cuda.device_count()  # not Ray's count, as torch may be a build without CUDA
        if (resources.gpus or 0) > visible:
            raise RunError(f"a search needs {resources.gpus:g} gpus, and torch sees {visible} here; lower --gpus")
        gpus = visible if resources.gpus is None else ceil(resources.gpus)
        options.update(address="local", num_cpus=resources.cpus or os.cpu_count(), num_gpus=gpus)
        options.update(_temp_dir=str(scratch / "ray"))  # Ray lets everybody write to it
    LOG.info("starting Ray ..." if resources.address is None else f"joining Ray at {resources.address} ...")
    try:
        with same_signal_handlers(), _on_loopback() if resources.address is None else nullcontext():
            ray.init(**options)
    except Exception as problem:  # Ray raises bare ones too
        where = (
            f"no Ray cluster at '{resources.address}'" if resources.address else "Ray does not start on this machine"
        )
        raise RunError(f"{where}: {next(iter(str(problem).splitlines()), type(problem).__name__)}") from problem
