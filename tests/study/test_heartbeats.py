"""Workers that are stopped or hang are ended, and their jobs are given to others."""

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from study_fixtures import driver, events, request, scored, small_search

from mtl_nas.record import Failed, Heartbeat, Scored
from mtl_nas.study.deadlines import LEAST, PATIENCE, deadline
from mtl_nas.study.driver import Driver
from mtl_nas.study.execution import heartbeats
from mtl_nas.study.execution.heartbeats import PERIOD, SILENCE, Watch, beating
from mtl_nas.study.execution.job_searcher import JobSearcher

ONE = {"trials": 2, "cohort": 2, "rungs": (1.0,), "finalists": 1, "seeds": 1}


class Machine:
    """Workers that begin what they are given and never answer, their heartbeats, and a clock."""

    def __init__(self, driven: Driver, *, limit: float | None = None, workers: int = 2) -> None:
        self.seconds = 0.0
        self.silent_since: dict[str, float] = {}
        self.ended: list[int] = []
        self.given: dict[str, list[str]] = {}
        watch = Watch(self.beats, lambda beat: self.ended.append(beat.process), lambda _: limit, now=self.now)
        self.searcher = JobSearcher(driven, self.give, limit=workers, watch=watch)

    def now(self) -> float:
        return self.seconds

    def give(self, worker: str, jobs: Any) -> None:
        self.given[worker] = list(jobs)

    def beats(self) -> Mapping[str, Heartbeat]:
        silence = {worker: self.seconds - self.silent_since.get(worker, self.seconds) for worker in self.given}
        return {worker: Heartbeat(silence[worker], ord(worker), "node") for worker in self.given}

    def start(self, worker: str) -> None:
        assert self.searcher.suggest(worker) == {"worker": worker}
        self.searcher.on_trial_result(worker, {"score": 0.0, "results": []})

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.searcher.suggest("x")


def test_a_worker_without_heartbeats_is_ended_and_its_job_is_given_to_another(tmp_path: Path) -> None:
    machine = Machine(driver(tmp_path, request(**ONE), presets=()))
    machine.start("a")
    machine.start("b")
    stopped = machine.given["a"]
    machine.silent_since["a"] = machine.seconds
    machine.wait(SILENCE)
    assert machine.ended == []
    machine.wait(2 * PERIOD)
    assert machine.ended == [ord("a")]
    machine.searcher.on_trial_complete("a", None, error=True)  # Ray finds the process dead
    machine.searcher.on_trial_result("x", {"score": 0.0, "results": []})
    assert machine.given["x"] == stopped
    assert not [event for event in events(tmp_path) if isinstance(event, Failed)], "it is no fault of the trial"


def test_a_job_that_takes_far_too_long_is_a_failure_of_its_trial(tmp_path: Path) -> None:
    machine = Machine(driver(tmp_path, request(**ONE), presets=()), limit=1000.0)
    machine.start("a")
    machine.wait(PERIOD)
    machine.wait(1000.0 + PERIOD)
    assert machine.ended == [ord("a")]
    (failed,) = [event for event in events(tmp_path) if isinstance(event, Failed)]
    assert (failed.number, failed.failure, failed.reason) == (0, "lost", "its training did not end within 1000 s")


def test_workers_with_heartbeats_and_those_that_wait_are_left_alone(tmp_path: Path) -> None:
    machine = Machine(driver(tmp_path, request(**ONE), presets=()))
    machine.start("a")
    for _ in range(50):
        machine.wait(SILENCE)
    assert machine.ended == []


def test_a_deadline_follows_the_slowest_training(tmp_path: Path) -> None:
    driven = driver(tmp_path, request(trials=3, cohort=3, rungs=(0.25, 1.0), finalists=1, seeds=1), presets=())
    jobs = driven.settle()
    assert deadline(driven.state, jobs[:1]) is None
    for number, seconds in ((0, 2.0), (1, 8.0)):
        driven.journal.write(scored(number, 0, 0.5).model_copy(update={"seconds": seconds}))
    assert deadline(driven.state, jobs[2:]) == LEAST + PATIENCE * 8.0 / 0.25 * 0.25
    assert deadline(driven.state, jobs[1:]) == LEAST + PATIENCE * 8.0 * 2


def test_a_heart_beats_at_once_and_until_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "PERIOD", 0.01)
    thrice, beats = threading.Event(), []

    def beat() -> None:
        beats.append(time.monotonic())
        if len(beats) >= 3:
            thrice.set()
            raise OSError("the server is gone")

    with beating(beat):
        assert len(beats) >= 1
        assert thrice.wait(60)


@pytest.mark.ray
@pytest.mark.slow
def test_a_stopped_worker_does_not_hang_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "SILENCE", 30.0)
    stopped: list[int] = []
    over = threading.Event()

    def stop_a_worker() -> None:
        record = tmp_path / "run" / "trials.jsonl"
        while not over.wait(0.1):
            if record.exists() and any(isinstance(event, Scored) for event in events(tmp_path / "run")):
                processes = psutil.Process().children(recursive=True)
                workers = [process for process in processes if "ray::ImplicitFunc" in "".join(process.cmdline())]
                if workers:
                    stopped.append(workers[0].pid)
                    os.kill(workers[0].pid, signal.SIGSTOP)
                    return

    thread = threading.Thread(target=stop_a_worker)
    thread.start()
    try:
        run = small_search(tmp_path / "run")
    finally:
        over.set()
        thread.join()
    assert stopped
    assert run.finished
    assert not psutil.pid_exists(stopped[0])
    assert not [event for event in events(run.path) if isinstance(event, Failed)]
