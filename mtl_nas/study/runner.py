"""``search`` and ``resume``: a search from beginning to end."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from mtl_nas.data import Dataset
from mtl_nas.record import RunFolder, SearchSettings
from mtl_nas.space import SearchSpace, load_space
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution import in_process
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.execution.signals import same_signal_handlers
from mtl_nas.study.opened_run import opened_run, warn_of_other_versions
from mtl_nas.study.planning import plan
from mtl_nas.study.run import Run, data_of_run
from mtl_nas.study.samplers import name_of
from mtl_nas.study.search_request import (
    continue_request,
    refuse_other_data,
    search_request,
    settled_precision,
)
from mtl_nas.study.selection.selection import finish
from mtl_nas.study.warm_start import refuse_other_start, take_over

LOG = logging.getLogger("mtl_nas")


def search(
    space: SearchSpace | str,
    data: Dataset,
    settings: SearchSettings | None = None,
    *,
    folder: str | Path,
    resources: Resources | None = None,
    progress: bool = False,
    **overrides: Any,
) -> Run:
    """Search for the best multi-task architecture of a space on a data set; continue a search that was interrupted.

    The search trains presets first and then what its sampler proposes, trains the finalists again on fresh seeds, and
    scores them on the test split once. Every decision is written to the run folder before it takes effect, so that
    the same call continues an interrupted search, and returns a finished one. ``ensemble`` may be changed then.

    Args:
        space: a search space, the name of a built-in one, or a YAML file.
        data: the data set, from ``load_dataset``.
        settings: the options of the search; its defaults if not given.
        folder: the run folder: new, empty, or of the same search.
        resources: the CPUs and GPUs to use, the address of a Ray cluster, or this process alone; all CPUs and GPUs of
            this machine if not given.
        progress: print the progress to standard error.
        **overrides: fields of ``SearchSettings`` that replace those of ``settings``: ``trials``, ``seed``,
            ``sampler``, ``objectives``, ``limits`` and so on. ``budget`` stands for all fields of a ``Budget``.
            ``sampler`` may also be a function of your own; see ``mtl_nas.study.samplers.Sampler``.

    Returns:
        The finished run.

    Raises:
        RunError: the folder holds another search or no run, a setting is wrong, or no finalist could be trained.
        SpaceError: no draw from the space is compatible with the data.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.load_dataset("synthetic-funnel")  # doctest: +SKIP
        >>> run = mn.search("mmoe", data, trials=16, seed=0, folder="runs/first")  # doctest: +SKIP
        >>> run.best().name  # doctest: +SKIP
        'trial 11'

    """
    space = load_space(space) if isinstance(space, str) else space
    resources = resources or Resources()
    settings = settings or SearchSettings()
    overrides["sampler"] = name_of(overrides.get("sampler", settings.sampler))
    request = search_request(space, data, settings.updated(overrides))
    run_folder, remarks = RunFolder(folder), list[str]()
    with run_folder.lock():
        if run_folder.exists:
            continue_request(run_folder, request)
        else:
            refuse_other_start(request)
            device = "cuda" if resources.gpus != 0 and torch.cuda.is_available() else "cpu"
            request = request.model_copy(update={"precision": settled_precision(space, data, device)})
            if request.settings.is_unplanned:
                planned = plan(space, data, request.settings, workers=_workers(resources))
                request = request.model_copy(update={"settings": request.settings.updated({"trials": planned.trials})})
                remarks.append(str(planned))
            run_folder.begin(request)
        return _continued(run_folder, data, resources, progress=progress, remarks=remarks)


def resume(
    folder: str | Path, *, data: Dataset | None = None, resources: Resources | None = None, progress: bool = False
) -> Run:
    """Continue an interrupted search.

    Args:
        folder: the run folder.
        data: the data set, if it came from a DataFrame; otherwise it is loaded as it was.
        resources: the CPUs and GPUs to use; they may differ from those before.
        progress: print the progress to standard error.

    Returns:
        The finished run.

    Raises:
        RunError: the folder holds no run, is in use, or the data have changed.

    Example:
        >>> run = resume("runs/first")  # doctest: +SKIP
    """
    run_folder = RunFolder(folder)
    request = run_folder.request()
    name_of(request.settings.sampler)
    if data is None:
        data = data_of_run(folder, request)
    with run_folder.lock():
        refuse_other_data(run_folder, request, data.fingerprint)
        return _continued(run_folder, data, resources or Resources(), progress=progress)


def _workers(resources: Resources) -> int:
    """The number of workers, as an estimate until Ray is started."""
    return 1 if resources.in_process else resources.cpus or os.cpu_count() or 1


def _continued(
    folder: RunFolder, data: Dataset, resources: Resources, *, progress: bool, remarks: Sequence[str] = ()
) -> Run:
    execute = _executor(resources)
    request = folder.request()
    opened = opened_run(folder, data, workers=_workers(resources), progress=progress)
    with opened.progress:
        for line in (*opened.remarks, *remarks):
            opened.progress.remark(line)
        warn_of_other_versions(opened.progress, request)
        opened.best_folder.restore()
        take_over(opened.journal, opened.space)
        if opened.driver.settle():
            execute(opened.driver, data, folder, resources)
        finish(folder, opened.journal, data)
    return Run(folder)


def _executor(resources: Resources) -> Callable[[Driver, Dataset, RunFolder, Resources], None]:
    """What does the jobs of a search: this process, or workers of Ray."""
    if resources.in_process:
        return in_process.execute
    with same_signal_handlers():
        from mtl_nas.study.execution import ray_backend  # loading Ray takes seconds

    return ray_backend.execute
