"""Searches from beginning to end, and continues them."""

import json
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.design import Design, Precision
from mtl_nas.errors import RunError
from mtl_nas.presets import compatible_presets, unknown_preset
from mtl_nas.record import Journal, Request, RunFolder, SearchSettings
from mtl_nas.space import SearchSpace, load_space, plain_tree, read_space
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution.resources import Resources
from mtl_nas.study.objectives.limits import presets_within, sentences, with_default
from mtl_nas.study.objectives.objective import Objective
from mtl_nas.study.progress import Progress
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.run import Run
from mtl_nas.study.samplers import name_of
from mtl_nas.study.search_state import SearchState
from mtl_nas.study.selection.ensemble import write_ensemble_of_finalists
from mtl_nas.study.selection.selection import finish
from mtl_nas.study.warm_start import refuse_other_start, take_over
from mtl_nas.training import FitData, faster_precision

RECORDED = ("mtl_nas", "torch", "optuna", "ray", "numpy", "networkx")  # packages whose versions a run keeps


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
    the same call continues an interrupted search, and returns a finished one.

    Args:
        space: a search space, the name of a built-in one, or a YAML file.
        data: the data set, from ``load_dataset``.
        settings: the options of the search; its defaults if not given.
        folder: the run folder: new, empty, or of the same search.
        resources: the CPUs and GPUs to use, or the address of a Ray cluster; all of this machine if not given.
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
    request = _request(space, data, settings.updated(overrides))
    run_folder = RunFolder(folder)
    with run_folder.lock():
        if run_folder.exists:
            _refuse_other_search(run_folder, request)
        else:
            refuse_other_start(request)
            device = "cuda" if resources.gpus != 0 and torch.cuda.is_available() else "cpu"
            run_folder.begin(request.model_copy(update={"precision": _precision(space, data, device)}))
        return _continued(run_folder, data, resources, progress=progress)


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
        if not request.data.get("data", {}).get("table"):
            raise RunError(f"the data of '{folder}' came from memory: call search(..., folder='{folder}') with them")
        data = load_dataset(Declaration.model_validate(request.data))
    with run_folder.lock():
        _refuse_other_data(run_folder, request, data.fingerprint)
        return _continued(run_folder, data, resources or Resources(), progress=progress)


def _request(space: SearchSpace, data: Dataset, settings: SearchSettings) -> Request:
    """What is written when the search begins; a RunError if its settings are impossible for the data."""
    limits = with_default(settings.limits, space.for_schema(data.schema), data.schema)
    request = Request(
        data=data.declaration.tree(),
        tasks=data.schema.task_names,
        metrics={task.name: task.main_metric for task in data.schema.tasks},
        fingerprint=data.fingerprint,
        space=plain_tree(space),
        space_name=space.name,
        settings=settings.updated({"limits": limits}),
        versions=_versions(),
    )
    Objective(settings.objectives, request.metrics)
    _presets(request, data)
    return request


def _continued(folder: RunFolder, data: Dataset, resources: Resources, *, progress: bool) -> Run:
    from mtl_nas.study.execution import ray_backend  # loading Ray takes seconds

    request = folder.request()
    folder.record.repair()
    space = read_space(request.space, request.space_name).for_schema(data.schema)
    presets, incompatible = _presets(request, data)
    rows = len(data.rows("train"))
    full_rows = max(1, round(space.default().training.work(rows).epochs * rows))
    state = SearchState.of(request, presets=presets, full_rows=full_rows)
    watcher = Progress(state, data.schema, shown=progress)
    journal = Journal(folder.record, state, [watcher])
    workers = resources.cpus or os.cpu_count() or 1  # until Ray tells
    driver = Driver(journal, Proposer(journal, space, data.schema, presets), Clock(state, workers=workers))
    with watcher:
        absent = (f"preset {name}: n/a, {reason}" for name, reason in incompatible.items())
        for line in (*absent, *sentences(request.settings.limits)):
            watcher.remark(line)
        for change in _other_versions(request):
            watcher.remark(
                f"begun with {change}: decisions that are recorded stand, new ones may differ", style="yellow"
            )
        take_over(journal, space)
        if state.best is None and driver.settle():
            ray_backend.execute(driver, data, folder, resources)
        finish(folder, journal, data)
        if request.settings.ensemble:
            write_ensemble_of_finalists(folder, journal, data)
    return Run(folder)


def _precision(space: SearchSpace, data: Dataset, device: str) -> Precision:
    """The precision that ``auto`` stands for in this search, measured on the default design of the space.

    A space in which no training has ``auto`` needs no measurement.
    """
    if not _may_be_auto(plain_tree(space)):
        return "float32"
    default = space.for_schema(data.schema).default()
    graph = compose(default.design, data.schema)
    losses, training = default.design.losses, default.training
    return faster_precision(training, graph, losses, FitData.of(data), device=device)


def _may_be_auto(tree: object) -> bool:
    """Whether a training of the space may have precision ``auto``, at any depth of choices."""
    if isinstance(tree, Mapping):
        return any(
            (key == "precision" and '"auto"' in json.dumps(branch)) or _may_be_auto(branch)
            for key, branch in tree.items()
        )
    return isinstance(tree, list) and any(map(_may_be_auto, tree))


def _presets(request: Request, data: Dataset) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that the search tries first, and why others are incompatible with the data."""
    designs, incompatible = compatible_presets(data.schema)
    names = request.settings.presets
    if names is not None:
        for name in names:
            if name not in designs:
                raise RunError(f"'{name}' cannot be tried first: {incompatible.get(name) or unknown_preset(name)}")
        designs, incompatible = {name: designs[name] for name in names}, {}
    return presets_within(request.settings.limits, designs, data.schema), incompatible


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in RECORDED}


def _other_versions(request: Request) -> list[str]:
    return [
        f"{name} {request.versions[name]}, now {version}"
        for name, version in _versions().items()
        if request.versions.get(name, version) != version
    ]


def _refuse_other_search(folder: RunFolder, request: Request) -> None:
    recorded = folder.request()
    _refuse_other_data(folder, recorded, request.fingerprint)
    if recorded.space != request.space:
        raise RunError(f"run folder '{folder.path}' holds a search with another space; give another --folder")
    for name, value in recorded.settings:
        if value != (changed := getattr(request.settings, name)):
            raise RunError(
                f"run folder '{folder.path}' holds a search with {name} {value}, now {changed}; give another --folder"
            )


def _refuse_other_data(folder: RunFolder, request: Request, fingerprint: str) -> None:
    if request.fingerprint != fingerprint:
        raise RunError(
            f"run folder '{folder.path}' holds a search on other data (fingerprint {request.fingerprint[:12]}, "
            f"now {fingerprint[:12]}); give another --folder"
        )
