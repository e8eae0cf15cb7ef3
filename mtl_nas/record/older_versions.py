"""Files that version 0.1.0 wrote, translated to the names of this version."""

from collections.abc import Mapping
from typing import Any

from mtl_nas.design import Training
from mtl_nas.values import translation

RENAMED = {"passes": "epochs", "operations": "macs"}
TRAINING: Mapping[str, Any] = {
    "learning_rate": 1e-3,
    "patience": None,
    **Training.earlier_values,
}  # defaults that differ now
SETTINGS = ("sampler", "objectives", "limits", "presets", "ensemble", "start", "seed")


@translation
def current_event(line: Mapping[str, Any]) -> dict[str, Any]:
    """Translate a line of ``trials.jsonl``: ``fact`` is now ``event``; other keys are ``RENAMED``."""
    event = {{"fact": "event", "operations": "macs"}.get(key, key): value for key, value in line.items()}
    if event["event"] == "proposed":
        proposal = event["proposal"]
        event["proposal"] = {**proposal, "training": {**Training.earlier_values, **_current_keys(proposal["training"])}}
        decisions = event["decisions"] or {}
        event["decisions"] = {_current_path(path): value for path, value in decisions.items()} or event["decisions"]
    return event


@translation
def current_request(request: Mapping[str, Any]) -> dict[str, Any]:
    """Translate ``search.yaml`` of a run folder: the options of the search are now in ``settings``."""
    space = request["space"]
    training = {"training": _with_defaults(_current_keys(space.get("training", {})))}
    settings = {name: request[name] for name in SETTINGS if name in request} | request["budget"]
    settings["time"] = settings.pop("seconds", None)
    settings["limits"] = _current_keys(request["limits"])
    settings["objectives"] = [
        RENAMED.get(objective, objective) if isinstance(objective, str) else objective
        for objective in request["objectives"]
    ]
    metrics = {name: _main_metric(_declared(request["data"], name)) for name in request["tasks"]}
    others = {name: value for name, value in request.items() if name not in (*SETTINGS, "budget")}
    current = {"space": {**space, **training}, "settings": settings, "metrics": metrics, "version": 2}
    return {**others, **current}


def _with_defaults(training: Mapping[str, Any]) -> dict[str, Any]:
    """The training of a space, or each branch of its choice, with the defaults of version 0.1.0."""
    if "choice" in training:
        return {**training, "choice": [_with_defaults(branch) for branch in training["choice"]]}
    return {**TRAINING, **training}


def _declared(data: Mapping[str, Any], task: str) -> Mapping[str, Any]:
    """The declaration of a task; a task per group, such as ``click@A``, is declared as ``click``."""
    tasks = data.get("tasks") or {}
    return tasks.get(task) or tasks.get(task.partition("@")[0]) or {}


def _main_metric(task: Mapping[str, Any]) -> str:
    """The metric that version 0.1.0 compared designs by."""
    if task.get("kind") == "count" or task.get("loss") == "quantile":
        return "d2"
    return "r2" if task.get("kind") == "regression" else "auc"


def _current_keys(tree: Any) -> Any:
    """The tree with all keys renamed."""
    if isinstance(tree, Mapping):
        return {RENAMED.get(key, key): _current_keys(branch) for key, branch in tree.items()}
    return [_current_keys(branch) for branch in tree] if isinstance(tree, list) else tree


def _current_path(path: str) -> str:
    return path.replace("training.passes", "training.epochs", 1) if path.startswith("training.passes") else path
