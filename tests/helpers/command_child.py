"""Commands of ``mtl-search`` in forks of this process, which take milliseconds in place of seconds to start.

Searches train in the process of the command, behind the searcher that Ray Tune has.
"""

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from study_fixtures import TINY
from tiny_search import RESAMPLES, Here, in_child
from tiny_search import Ended as EndedProcess

import mtl_nas as mn
from mtl_nas.cli import main
from mtl_nas.exports import Member
from mtl_nas.scoring import bootstrap
from mtl_nas.study.execution import ray_backend

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SEARCH: dict[str, Any] = {
    "data": {"table": "shop.csv"},
    "tasks": {"click": {"kind": "binary"}, "price": {"kind": "regression"}},
    "space": {**TINY, "training": {"epochs": 1, "batch_size": 64}},
    "search": {
        "trials": 4,
        "rungs": [0.5, 1.0],
        "reduction": 2.0,
        "cohort": 3,
        "finalists": 1,
        "seeds": 1,
        "presets": ["mmoe", "single_task"],
        "ensemble": True,
    },
}


class Ended(EndedProcess):
    """How a command ended."""

    @property
    def problem(self) -> str | None:
        """What is wrong with the end of a command, whatever its outcome: None where nothing is."""
        if self.code not in (0, 2):
            return f"exit code {self.code}: {self.last}"
        if "Traceback" in self.text:
            return f"a traceback: {self.last}"
        if control := CONTROL.search(self.text):
            return f"a control character {control.group()!r} reaches the terminal"
        if self.code == 2 and not self.last.startswith("mtl-search: "):
            return f"the last line is not the reason: {self.last}"
        return None

    @property
    def last(self) -> str:
        """The last line."""
        return next(iter(self.text.rstrip("\n").splitlines()[::-1]), "")


def command(folder: Path, *words: object, before: Callable[[], object] = lambda: None, here: Any = None) -> Ended:
    """Type a command in a folder; ``before`` is called in its process."""

    def typed() -> None:
        os.chdir(folder)
        sys.argv = ["mtl-search", *map(str, words)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray_backend, "execute", here or Here())
            patch.setattr(bootstrap, "REPLICATES", RESAMPLES)
            patch.setitem(sys.modules, "altair", None)  # as without the extra: a report takes longer than a search
            before()
            main()

    return Ended(*in_child(typed))


def shop(rows: int = 160) -> pd.DataFrame:
    random = np.random.default_rng(0)
    size = random.normal(size=rows).round(3)
    return pd.DataFrame(
        {
            "size": size,
            "color": random.choice(["red", "green", "blue"], rows),
            "click": (size + random.normal(size=rows) > 0).astype(int),
            "price": (size + random.normal(size=rows)).round(3),
        }
    )


def write_shop(folder: Path) -> None:
    """A table, a search file, a finished run and one that was cut, models, predictions and an encoded table."""
    shop().to_csv(folder / "shop.csv", index=False)
    shop().to_parquet(folder / "shop.parquet")
    (folder / "search.yaml").write_text(yaml.safe_dump(SEARCH), encoding="utf-8")
    for words in (
        ("run", "search.yaml", "--folder", "run"),
        ("export", "run", "--to", "model", "--trial", 0),
        ("export", "run", "--to", "older", "--trial", 1),
        ("predict", "older", "shop.csv", "--to", "scores.csv"),
        ("predict", "older", "shop.csv", "--to", "scores.parquet"),
        ("encode", "search.yaml", "--to", "encoded"),
    ):
        ended = command(folder, *words)
        assert ended.code == 0, ended.text
    models = [mn.load_model(folder / name) for name in ("model", "older")]
    members = [Member(f"model {number}", 0.5, model.network) for number, model in enumerate(models)]
    mn.Model(members, models[0].schema).save(folder / "ensemble")
    command(folder, "run", "search.yaml", "--folder", "cut", here=Here(lost=killed_at_a_promotion))
    assert list((folder / "cut" / "states").glob("*.pt"))


def killed_at_a_promotion(job: int) -> None:
    """Kill this process where a trial goes on from a state that was kept."""
    if job == 4:
        os.kill(os.getpid(), signal.SIGKILL)


def contents(path: Path) -> dict[str, bytes]:
    """The files at a path by name, without locks; the folder that they are in is left out of their texts."""
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    return {
        str(file.relative_to(path.parent)): file.read_bytes().replace(bytes(path.parent), b".")
        for file in paths
        if file.is_file() and file.name != ".run.lock"
    }
