"""A search from beginning to end, and going on with one."""

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.design import Design, Precision
from mtl_nas.errors import RunError
from mtl_nas.presets import compatible_presets, unknown_preset
from mtl_nas.record import Request, RunFolder, SearchSettings
from mtl_nas.space import SearchSpace, load_space, plain_tree, read_space
from mtl_nas.study.driver import Core
from mtl_nas.study.execution.ray_backend import Resources, execute
from mtl_nas.study.objectives.limits import with_default
from mtl_nas.study.progress import Progress
from mtl_nas.study.run import Run
from mtl_nas.study.selection.ensemble import write_ensembled
from mtl_nas.study.selection.selection import finish
from mtl_nas.study.warm_start import take_over
from mtl_nas.training import FitData, faster_precision

RECORDED = ("mtl_nas", "torch", "optuna", "ray", "numpy", "networkx")


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
    settings = (settings or SearchSettings()).updated(overrides)
    limits = with_default(settings.limits, space.for_schema(data.schema), data.schema)
    request = Request(
        data=data.declaration.tree(),
        tasks=data.schema.task_names,
        fingerprint=data.fingerprint,
        space=plain_tree(space),
        space_name=space.name,
        settings=settings.updated({"limits": limits}),
        versions=_versions(),
    )
    here = RunFolder(folder)
    with here.lock():
        if here.exists:
            _check_same(here, request)
        else:
            device = "cuda" if resources.gpus != 0 and torch.cuda.is_available() else "cpu"
            here.begin(request.model_copy(update={"precision": _precision(space, data, device)}))
        return _continued(here, data, resources, progress=progress)


def resume(
    folder: str | Path, *, data: Dataset | None = None, resources: Resources | None = None, progress: bool = False
) -> Run:
    """Go on with a search; the data are loaded as they were, or given again where they came from memory."""
    here = RunFolder(folder)
    request = here.request()
    if data is None:
        if not request.data.get("data", {}).get("table"):
            raise RunError(
                f"the data of '{here.path}' came from memory: call search(..., folder='{here.path}') with them"
            )
        data = load_dataset(Declaration.model_validate(request.data))
    with here.lock():
        _check_data(here, request, data)
        return _continued(here, data, resources or Resources(), progress=progress)


def _continued(folder: RunFolder, data: Dataset, resources: Resources, *, progress: bool) -> Run:
    request = folder.request()
    folder.record.repair()
    space = read_space(request.space, request.space_name).for_schema(data.schema)
    presets, absent = _tried_first(request, data)
    with Progress(request, absent, shown=progress) as watch:
        rows = len(data.rows("train"))
        workers = resources.cpus or os.cpu_count() or 1  # until Ray says what there is
        core = Core(request, folder.record, space, data.schema, presets, rows=rows, watch=watch, workers=workers)
        take_over(core)
        watch.resume(core.standing)
        for change in _other_versions(request):
            watch.warn(f"begun with {change}: decisions that are recorded stand, new ones may differ")
        if core.standing.best is None and core.settle():
            execute(core, data, folder, resources)
        finish(folder, core.standing, data)
        if request.settings.ensemble:
            write_ensembled(folder, core.standing, data)
    return Run(folder)


def _precision(space: SearchSpace, data: Dataset, device: str) -> Precision:
    """What ``auto`` stands for in this search, by the space's default design; a space without it asks nothing."""
    if "auto" not in json.dumps(plain_tree(space)["training"].get("precision")):
        return "float32"
    default = space.for_schema(data.schema).default()
    graph = compose(default.design, data.schema)
    losses, training = default.design.losses, default.training
    return faster_precision(training, graph, losses, FitData.of(data), device=device)


def _tried_first(request: Request, data: Dataset) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that the search begins with, and why others that it might begin with do not fit."""
    designs, absent = compatible_presets(data.schema)
    if request.settings.presets is None:
        return designs, absent
    for name in request.settings.presets:
        if name not in designs:
            raise RunError(f"'{name}' cannot be tried first: {absent.get(name) or unknown_preset(name)}")
    return {name: designs[name] for name in request.settings.presets}, {}


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in RECORDED}


def _other_versions(request: Request) -> list[str]:
    now = _versions()
    known = {name: version for name, version in request.versions.items() if name in now}
    return [f"{name} {version}, now {now[name]}" for name, version in known.items() if version != now[name]]


def _check_same(folder: RunFolder, request: Request) -> None:
    recorded = folder.request()
    _check_fingerprint(folder, recorded, request.fingerprint)
    if recorded.space != request.space:
        raise RunError(f"run folder '{folder.path}' holds a search with another space; give another --folder")
    for name, value in recorded.settings:
        if value != (changed := getattr(request.settings, name)):
            raise RunError(
                f"run folder '{folder.path}' holds a search with {name} {value}, now {changed}; give another --folder"
            )


def _check_data(folder: RunFolder, request: Request, data: Dataset) -> None:
    _check_fingerprint(folder, request, data.fingerprint)


def _check_fingerprint(folder: RunFolder, request: Request, fingerprint: str) -> None:
    if request.fingerprint != fingerprint:
        raise RunError(
            f"run folder '{folder.path}' holds a search on other data (fingerprint {request.fingerprint[:12]}, "
            f"now {fingerprint[:12]}); give another --folder"
        )
