"""What a search refuses, and what it takes although a part is left out: nothing is begun by mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from study_fixtures import SPACE, dataset, small_search

from mtl_nas.errors import MtlNasError
from mtl_nas.space import read_space
from mtl_nas.study import load_run, runner, search, search_request
from mtl_nas.study.execution import ray_backend


def stop(*_: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": "profit"}, "no objective 'profit'"),
        ({"objectives": ["parameters"]}, "an objective besides costs is needed"),
        ({"presets": ["plee"]}, "'plee' cannot be tried first"),
        ({"presets": ["aitm"]}, "'aitm' cannot be tried first"),
        ({"sampler": "tpee"}, "no sampler 'tpee'"),
        ({"start": "nowhere"}, "no run folder "),
        ({"limits": {"weight": 1.0}}, "limits are positive numbers"),
        ({"trails": 3}, "unknown key 'trails'"),
    ],
)
@pytest.mark.parametrize("folder", ["new", "deep/er", "empty"])
def test_a_search_that_is_refused_leaves_the_disk_as_it_was(
    tmp_path: Path, folder: str, changes: dict[str, Any], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MtlNasError) as problem:
        small_search(tmp_path / folder, **changes)
    assert message in str(problem.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not (tmp_path / "new").exists()


def test_a_search_that_breaks_before_it_begins_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> None:
        raise RuntimeError("no precision")

    monkeypatch.setattr(runner, "settled_precision", breaks)
    with pytest.raises(RuntimeError, match="no precision"):
        small_search(tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("tree", [{"design": SPACE["design"]}, {"training": {}}, {"design": {}, "training": {}}])
def test_a_space_may_leave_out_what_stands_at_its_default(
    tree: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_backend, "execute", stop)
    monkeypatch.setattr(search_request, "faster_precision", lambda *a, **k: pytest.fail("measured"))
    with pytest.raises(KeyboardInterrupt):
        search(read_space(tree, "partial"), dataset(), folder=tmp_path / "run")
    assert load_run(tmp_path / "run").request.precision == "float32"


TRAININGS: dict[str, Any] = {
    "a field": {"precision": "auto"},
    "a choice of values": {"precision": {"choice": ["float32", "auto"]}},
    "a choice of trainings": {"choice": [{"epochs": 1}, {"epochs": 2, "precision": "auto"}]},
    "a choice in a choice": {"choice": [{"epochs": 1}, {"choice": [{"precision": {"choice": ["auto", "float32"]}}]}]},
}


@pytest.mark.parametrize("training", TRAININGS.values(), ids=TRAININGS)
def test_auto_is_measured_wherever_a_space_has_it(
    training: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = read_space({**SPACE, "training": training}, "auto")
    monkeypatch.setattr(ray_backend, "execute", stop)
    monkeypatch.setattr(search_request, "faster_precision", lambda *a, **k: "bfloat16")
    with pytest.raises(KeyboardInterrupt):
        search(space, dataset(), folder=tmp_path / "run")
    assert load_run(tmp_path / "run").request.precision == "bfloat16"


def test_importing_changes_neither_the_environment_nor_the_levels_of_loggers() -> None:
    code = """
import json, logging, os, sys
before = dict(os.environ)
import optuna, torch
levels = lambda: {name: logging.getLogger(name).level for name in ("", "ray", "ray.tune", "optuna", "mtl_nas")}
known = levels(), optuna.logging.get_verbosity()
import mtl_nas.study, mtl_nas.study.samplers
assert (levels(), optuna.logging.get_verbosity()) == known
print(json.dumps([sorted(set(os.environ.items()) ^ set(before.items())), "ray" in sys.modules]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert json.loads(done.stdout) == [[], False]
