"""A search that takes half a second: real trainings in this process, behind the searcher that Ray Tune has."""

import os
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from study_fixtures import TINY, frame, timeless

import mtl_nas as mn
from mtl_nas.data import Dataset
from mtl_nas.record import Budget, Failed, Record, RunFolder, layout
from mtl_nas.record.file_store import FileStore
from mtl_nas.scoring import bootstrap
from mtl_nas.space import read_space
from mtl_nas.study import Resources, Run, search
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution import ray_backend
from mtl_nas.study.execution.job_searcher import JobSearcher
from mtl_nas.study.execution.worker import work
from mtl_nas.study.jobs import Job

SPACE = read_space({**TINY, "training": {"epochs": 1, "batch_size": 64}}, "tiny")
BUDGET = Budget(trials=5, rungs=(0.5, 1.0), reduction=2.0, cohort=3, finalists=1, seeds=1)
TASKS: dict[str, Any] = {"klick": {"kind": "binary"}, "größe": {"kind": "regression"}}
RESAMPLES = 100  # of the bootstrap, which would take most of the time

Call = Callable[[int], None]  # is told the number of a call, and raises or does nothing


class Here:
    """Does the jobs of a driver in this process, one worker at a time.

    Args:
        lost: Called before each job; if it raises, the worker is lost.
        store: Called before each file that a worker reads or writes; if it raises, so does the actor that has them.
        alive: Whether Ray's processes answer when a worker is lost.
    """

    def __init__(
        self, *, lost: Call = lambda _: None, store: Call = lambda _: None, alive: Callable[[], bool] = lambda: True
    ) -> None:
        self._lost, self._store, self._alive = lost, store, alive
        self.jobs = self.files = 0

    def __call__(self, driver: Driver, data: Dataset, folder: RunFolder, resources: Resources) -> None:
        files, given = FileStore(str(folder.path)), deque[Sequence[str]]()
        driver.runs_on(1, 0)
        searcher = JobSearcher(driver, lambda worker, jobs: given.append(jobs), limit=1, alive=self._alive)
        started, rows = 0, data.for_search()
        while isinstance(searcher.suggest(worker := f"worker {started}"), dict):
            started += 1
            searcher.on_trial_result(worker, {"results": []})
            while given and (texts := given.popleft()):
                jobs = [Job.model_validate_json(text) for text in texts]
                try:
                    self.jobs += 1
                    self._lost(self.jobs - 1)
                except LostError:
                    searcher.on_trial_complete(worker, error=True)
                    break
                results = work(jobs, rows, get=self._counted(files.get), put=self._counted(files.put))
                searcher.on_trial_result(worker, {"results": [result.model_dump_json() for result in results]})
        if searcher.problem is not None:
            raise searcher.problem

    def _counted(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            self.files += 1
            self._store(self.files - 1)
            return call(*arguments)

        return counted


class LostError(Exception):
    """A worker is lost."""


def data() -> Dataset:
    return mn.load_dataset(frame(160), tasks=TASKS)


def tiny_search(folder: Path, rows: Dataset, here: Here | None = None, **changes: Any) -> Run:
    """Five trials, three finalists and an ensemble; the same call continues a search that was cut."""
    options: dict[str, Any] = {"presets": ["mmoe", "single_task"], "ensemble": True, "seed": 3, **changes}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_backend, "execute", here or Here())
        patch.setattr(bootstrap, "REPLICATES", RESAMPLES)
        return search(SPACE, rows, folder=folder, budget=BUDGET, resources=Resources(cpus=1), **options)


def outcome(folder: Path, *, work: bool = True) -> dict[str, Any]:
    """What a search decided and what it wrote for its user, without the time that it took and workers that were lost.

    The files of the model and of the ensemble are compared byte by byte; the rows that were trained where ``work``.
    """
    events = [event for event in Record(folder / layout.RECORD) if not isinstance(event, Failed)]
    if not work:
        events = [event.model_copy(update={"rows": 0}) if hasattr(event, "rows") else event for event in events]
    paths = sorted(path for name in ("best", "ensemble") for path in (folder / name).rglob("*"))
    files = {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}
    return {"events": timeless(events), **files}


def difference(folder: Path, unbroken: dict[str, Any], *, work: bool = True) -> str | None:
    """The first thing in which the outcome of a search differs from another; None if they are equal."""
    actual = outcome(folder, work=work)
    for name in sorted(unbroken.keys() | actual.keys()):
        if actual.get(name) != unbroken.get(name):
            if name != "events":
                return f"{name} differs"
            pairs = zip(actual[name], unbroken[name], strict=False)
            first = next((number for number, (one, other) in enumerate(pairs) if one != other), "at the end")
            return f"event {first} differs"
    left = [str(path.relative_to(folder)) for path in folder.rglob("*.part")]
    return f"left over: {', '.join(left)}" if left else None


class Ended(NamedTuple):
    """How a process ended."""

    code: int  # negative for the signal that ended it
    text: str  # of both streams


def in_child(call: Callable[[], object]) -> Ended:
    """Call a function in a fork of this process. An exception is exit code 1, with a traceback."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks of processes with threads
        child = os.fork()
    if child:
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            text = pipe.read()
        return Ended(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text.decode(errors="replace"))
    code = 1
    try:
        os.close(reader)
        os.dup2(writer, 1)
        os.dup2(writer, 2)
        os.close(writer)
        sys.stdout, sys.stderr = (os.fdopen(each, "w", encoding="utf-8", closefd=False) for each in (1, 2))
        call()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
