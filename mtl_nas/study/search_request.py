"""The request of a search, which is written when it begins, and checks that a folder holds the same search."""

import json
from collections.abc import Mapping
from importlib import metadata

from mtl_nas.composition import compose
from mtl_nas.data import Dataset, Schema
from mtl_nas.design import Design, Proposal
from mtl_nas.design.training import Precision
from mtl_nas.errors import RunError
from mtl_nas.presets import PRESETS, compatible_presets, compatible_proposals
from mtl_nas.record import Request, RunFolder, SearchSettings
from mtl_nas.space import SearchSpace, plain_tree
from mtl_nas.study.objectives import Objective, excess, limits_with_default, presets_within
from mtl_nas.training import FitData, faster_precision
from mtl_nas.trees import installed_libraries
from mtl_nas.values import unknown

RECORDED = ("mtl_nas", "torch", "optuna", "ray", "numpy", "networkx")  # packages whose versions a run records


def search_request(space: SearchSpace, data: Dataset, settings: SearchSettings) -> Request:
    """Make the request of a search, or raise a RunError if its settings are impossible for the data.

    A MtlNasError says that no library of boosted trees is installed, where they are asked for.
    """
    if settings.trees:
        installed_libraries()
    limits = limits_with_default(settings.limits, space.for_schema(data.schema), data.schema)
    request = Request(
        data=data.declaration.tree(),
        tasks=data.schema.task_names,
        metrics={task.name: task.main_metric for task in data.schema.tasks},
        fingerprint=data.fingerprint,
        space=plain_tree(space),
        space_name=space.name,
        settings=settings.updated({"limits": limits}),
        versions=_versions(),
        presets="measured",
    )
    Objective(settings.objectives, request.metrics)
    presets_to_try(request, data)
    return request


def settled_precision(space: SearchSpace, data: Dataset, device: str) -> Precision:
    """The precision that replaces ``auto`` in a search: the faster one for the default design, by measurement.

    It is float32, without a measurement, if no training of the space has ``auto``.
    """
    if not _may_be_auto(plain_tree(space)):
        return "float32"
    default = space.for_schema(data.schema).default()
    graph = compose(default.design, data.schema)
    losses, training = default.design.losses, default.training
    return faster_precision(training, graph, losses, FitData.of(data.folds[0]), device=device)


def _may_be_auto(tree: object) -> bool:
    """Whether a training of the space may have precision ``auto``, at any depth of choices."""
    if isinstance(tree, Mapping):
        return any(
            (key == "precision" and '"auto"' in json.dumps(branch)) or _may_be_auto(branch)
            for key, branch in tree.items()
        )
    return isinstance(tree, list) and any(map(_may_be_auto, tree))


def presets_to_try(request: Request, data: Dataset) -> tuple[dict[str, Design], dict[str, str]]:
    """The presets that the search tries first, and why others are incompatible with the data."""
    if request.presets == "0.1.0":
        designs, incompatible = compatible_presets(data.schema, "paper")
        designs = {name: _reading_in_buckets(design) for name, design in designs.items()}
    else:
        designs, incompatible = compatible_presets(data.schema)
    names = request.settings.presets
    if names is not None:
        for name in names:
            if name not in designs:
                reason = incompatible.get(name) or unknown("preset", name, PRESETS)
                raise RunError(f"'{name}' cannot be tried first: {reason}")
        designs, incompatible = {name: designs[name] for name in names}, {}
    return presets_within(request.settings.limits, designs, data.schema), incompatible


def portfolio_to_try(settings: SearchSettings, space: SearchSpace, schema: Schema) -> dict[str, Proposal]:
    """The proposals of the portfolio that the space holds and that are within the limits, the most useful one first."""
    if not settings.portfolio:
        return {}
    return {
        name: proposal
        for name, proposal in compatible_proposals(schema).items()
        if space.contains(proposal) and excess(compose(proposal.design, schema), settings.limits) is None
    }


def _reading_in_buckets(design: Design) -> Design:
    """The design with all numbers in buckets, as presets of version 0.1.0 read them."""
    return design.model_copy(update={"inputs": design.inputs.model_copy(update={"numbers": "bucket"})})


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in RECORDED}


def other_versions(request: Request) -> list[str]:
    """Each package whose version changed since the search was begun, with both versions, in words."""
    return [
        f"{name} {request.versions[name]}, now {version}"
        for name, version in _versions().items()
        if request.versions.get(name, version) != version
    ]


def continue_request(folder: RunFolder, request: Request) -> None:
    """Record changes of options that affect no trial, or raise a RunError if the folder holds another search."""
    recorded = folder.request()
    refuse_other_data(folder, recorded, request.fingerprint)
    if request.settings.is_unplanned:  # the search has planned its trials when it began
        request = request.model_copy(
            update={"settings": request.settings.updated({"trials": recorded.settings.trials})}
        )
    if recorded.space != request.space:
        raise RunError(f"run folder '{folder.path}' holds a search with another space; give another --folder")
    for name, value in recorded.settings.decisive.items():
        if value != (changed := getattr(request.settings, name)):
            raise RunError(
                f"run folder '{folder.path}' holds a search with {name} {value}, now {changed}; give another --folder"
            )
    if recorded.settings != request.settings:
        folder.begin(recorded.model_copy(update={"settings": request.settings}))


def refuse_other_data(folder: RunFolder, request: Request, fingerprint: str) -> None:
    """Raise a RunError if the run was made on other data."""
    if request.fingerprint != fingerprint:
        raise RunError(
            f"run folder '{folder.path}' holds a search on other data (fingerprint {request.fingerprint[:12]}, "
            f"now {fingerprint[:12]}); give another --folder"
        )
