"""A search from beginning to end, and going on with one."""

import json
import os
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import torch

from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Declaration, load_dataset
from mtl_nas.design import Design
from mtl_nas.design.training import Precision
from mtl_nas.errors import RunError
from mtl_nas.presets import compatible_presets, unknown_preset
from mtl_nas.record import Budget, Request, RunFolder
from mtl_nas.record.request import Aim, Sampler
from mtl_nas.space import SearchSpace, load_space, read_space
from mtl_nas.space.files import plain
from mtl_nas.study.driver import Core
from mtl_nas.study.execution.ray_backend import Resources, execute
from mtl_nas.study.objectives.limits import with_default
from mtl_nas.study.progress import Progress
from mtl_nas.study.run import Run
from mtl_nas.study.selection.ensemble import write_ensembled
from mtl_nas.study.selection.selection import finish
from mtl_nas.study.warm_start import take_over
from mtl_nas.training.fit import faster_precision

COMPARED = (
    ("space", "space"),
    ("budget", "budget"),
    ("seed", "seed"),
    ("sampler", "sampler"),
    ("objectives", "objective"),
    ("limits", "limits"),
    ("presets", "presets"),
    ("ensemble", "ensemble"),
    ("start", "start"),
)
RECORDED = ("mtl_nas", "torch", "optuna", "ray", "numpy", "networkx")


def search(
    space: SearchSpace | str,
    data: Dataset,
    *,
    budget: Budget | None = None,
    folder: str | Path,
    seed: int = 0,
    sampler: Sampler = "auto",
    objectives: Sequence[Aim] = ("mean",),
    limits: Mapping[str, float] | None = None,
    presets: Sequence[str] | None = None,
    ensemble: bool = False,
    start: str | Path | None = None,
    resources: Resources | None = None,
    progress: bool = False,
) -> Run:
    """Search the space on the data; a folder that holds the same search is gone on with.

    The presets that fit, or those that are named, are trained first, the finalists on fresh seeds, and the test split
    is opened once.
    ``objectives``: mean, worst, a task, weights by task; with several, or with parameters, macs or latency_ms
    among them, a front. ``limits``: of those three, kept to by every design; operations have one where none is given,
    five times those of the largest preset. ``start``: a run on the same data whose trials are taken over where
    this space holds them. ``ensemble``: finalists are averaged too, beside the best. A RunError says why a folder
    cannot be used.
    """
    space = load_space(space) if isinstance(space, str) else space
    resources = resources or Resources()
    request = Request(
        data=data.declaration.tree(),
        tasks=data.schema.task_names,
        fingerprint=data.fingerprint,
        space=plain(space),
        space_name=space.name,
        budget=budget or Budget(),
        sampler=sampler,
        objectives=tuple(objectives),
        limits=with_default(limits or {}, space.for_schema(data.schema), data.schema),
        presets=None if presets is None else tuple(presets),
        ensemble=ensemble,
        start=None if start is None else str(Path(start).resolve()),
        seed=seed,
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
        if request.ensemble:
            write_ensembled(folder, core.standing, data)
    return Run(folder)


def _precision(space: SearchSpace, data: Dataset, device: str) -> Precision:
    """What ``auto`` stands for in this search, by the space's default design; a space without it asks nothing."""
    if "auto" not in json.dumps(plain(space)["training"].get("precision")):
        return "float32"
    default = space.for_schema(data.schema).default()
    graph = compose(default.design, data.schema)
    losses, training = default.design.losses, default.training
    return faster_precision(graph, losses, training, data.schema, data.rows("train"), device=device)


def _tried_first(request: Request, data: Dataset) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that the search begins with, and why others that it might begin with do not fit."""
    designs, absent = compatible_presets(data.schema)
    if request.presets is None:
        return designs, absent
    for name in request.presets:
        if name not in designs:
            raise RunError(f"'{name}' cannot be tried first: {absent.get(name) or unknown_preset(name)}")
    return {name: designs[name] for name in request.presets}, {}


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in RECORDED}


def _other_versions(request: Request) -> list[str]:
    now = _versions()
    known = {name: version for name, version in request.versions.items() if name in now}
    return [f"{name} {version}, now {now[name]}" for name, version in known.items() if version != now[name]]


def _check_same(folder: RunFolder, wanted: Request) -> None:
    found = folder.request()
    _check_fingerprint(folder, found, wanted.fingerprint)
    for key, name in COMPARED:
        if getattr(found, key) != getattr(wanted, key):
            known = "" if key == "space" else f" ({getattr(found, key)}, now {getattr(wanted, key)})"
            raise RunError(
                f"run folder '{folder.path}' holds a search with another {name}{known}; give another --folder"
            )


def _check_data(folder: RunFolder, request: Request, data: Dataset) -> None:
    _check_fingerprint(folder, request, data.fingerprint)


def _check_fingerprint(folder: RunFolder, request: Request, fingerprint: str) -> None:
    if request.fingerprint != fingerprint:
        raise RunError(
            f"run folder '{folder.path}' holds a search on other data (fingerprint {request.fingerprint[:12]}, "
            f"now {fingerprint[:12]}); give another --folder"
        )
