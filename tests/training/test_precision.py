"""``precision: auto``: the clock decides once, and what it came to is kept."""

from pathlib import Path
from typing import Any

import pytest
from study_fixtures import SPACE, dataset, events, small_search

from mtl_nas.composition import compose
from mtl_nas.design import Losses, Training
from mtl_nas.design.training import Precision
from mtl_nas.errors import DesignError
from mtl_nas.record import Proposed
from mtl_nas.space import read_space
from mtl_nas.study import runner, search_request
from mtl_nas.study.execution import ray_backend
from mtl_nas.study.run import load_run
from mtl_nas.study.schedule.actions import trial_job
from mtl_nas.training import FitData, Member, precision, settled


class Timed:
    """A fit whose steps take so many seconds of a clock that it moves."""

    now = 0.0

    def __init__(self, seconds: float) -> None:
        self.step, self.seconds = 0, seconds

    def run(self, stop: int) -> None:
        Timed.now += self.seconds * (stop - self.step)
        self.step = stop


@pytest.mark.parametrize(
    ("ratio", "chosen"), [(2.0, "bfloat16"), (1.11, "bfloat16"), (1.09, "float32"), (0.5, "float32")]
)
def test_the_lower_precision_must_be_clearly_faster(
    ratio: float, chosen: str, monkeypatch: pytest.MonkeyPatch, log_lines: list[str]
) -> None:
    monkeypatch.setattr(precision.time, "perf_counter", lambda: Timed.now)
    assert precision.faster(lambda name: Timed(ratio if name == "float32" else 1.0)) == chosen
    (line,) = log_lines
    assert f"precision {chosen}: steps in bfloat16 are {ratio:.2f} times as fast as in float32 here" in line


def test_where_the_lower_precision_is_hopeless_it_is_not_timed_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision.time, "perf_counter", lambda: Timed.now)
    made = {name: Timed(seconds) for name, seconds in (("float32", 1.0), ("bfloat16", 20.0))}
    assert precision.faster(lambda name: made[name]) == "float32"
    assert made["bfloat16"].step <= 1 + precision.STEPS


def test_auto_is_settled_before_a_member_is_made() -> None:
    data = dataset()
    graph = compose(read_space(SPACE, "made-up").default().design, data.schema)
    rows, training = FitData.of(data), Training(epochs=1, precision="auto")
    with pytest.raises(DesignError, match="^training.precision is auto: choose float32 or bfloat16 before"):
        Member(graph, Losses(), training, rows)
    made = Member(graph, Losses(), settled(training, graph, Losses(), rows), rows)
    assert made.training.precision in ("float32", "bfloat16")
    assert made.step == 0
    plain = training.model_copy(update={"precision": "float64"})
    assert settled(plain, graph, Losses(), rows) is plain


PRECISIONS: dict[str, Any] = {"always": "auto", "an option": {"choice": ["float32", "auto"]}}


@pytest.mark.parametrize("asked", PRECISIONS)
def test_a_search_asks_the_clock_once_and_its_workers_never(
    asked: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Precision] = ["bfloat16"]
    monkeypatch.setattr(search_request, "faster_precision", lambda *a, **k: answers.pop())
    monkeypatch.setattr(ray_backend, "execute", _stopped)
    tree = {**SPACE, "training": {**SPACE["training"], "precision": PRECISIONS[asked]}}
    for _ in range(2):  # begun, and gone on with
        with pytest.raises(KeyboardInterrupt):
            runner.search(read_space(tree, "made-up"), dataset(), folder=tmp_path / "run", seed=3)
    run = load_run(tmp_path / "run")
    assert run.request.precision == "bfloat16"
    jobs = [trial_job(run.state, trial) for trial in run.trials()]
    assert {job.proposal.training.precision for job in jobs} <= {"float32", "bfloat16"}
    said = {event.proposal.training.precision for event in events(run.path) if isinstance(event, Proposed)}
    assert said <= {"float32", "auto"}  # the record holds what was asked


def test_a_search_without_auto_asks_no_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_request, "faster_precision", lambda *a, **k: pytest.fail("asked"))
    monkeypatch.setattr(ray_backend, "execute", _stopped)
    with pytest.raises(KeyboardInterrupt):
        small_search(tmp_path / "run")
    assert load_run(tmp_path / "run").request.precision == "float32"


def _stopped(*_: Any) -> None:
    raise KeyboardInterrupt
