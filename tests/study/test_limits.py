"""Hard limits: what can be counted is counted before training, what is measured ends the trial."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from study_fixtures import TINY, driver, events, request, run, trained

import mtl_nas as mn
from mtl_nas.record import Closed, Event, Failed, Proposed, Request, RunState
from mtl_nas.space import read_space
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.objectives.limits import limits_with_default
from mtl_nas.study.samplers import SAMPLERS

PRESETS = ("single_task", "mmoe", "ple")


def found(folder: Path, asked: Request, **options: Any) -> list[Event]:
    run(driver(folder, asked, **options))
    return events(folder)


def sizes(lines: list[Event], count: str = "parameters") -> dict[str, list[int]]:
    """By origin."""
    sizes_by_origin: dict[str, list[int]] = {}
    for line in lines:
        if isinstance(line, Proposed):
            sizes_by_origin.setdefault(line.origin, []).append(getattr(line, count))
    return sizes_by_origin


@pytest.mark.parametrize("count", ["parameters", "macs"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_proposal_but_the_baseline_is_above_a_limit_that_can_be_counted(
    tmp_path: Path, sampler: str, count: str
) -> None:
    free = sizes(found(tmp_path / "free", request(sampler=sampler, trials=24)), count)
    baseline = free["preset:single_task"][0]
    drawn = sorted(size for origin, many in free.items() if not origin.startswith("preset") for size in many)
    most = min(drawn[len(drawn) // 3], baseline - 1)
    bound = sizes(found(tmp_path / "bound", request(sampler=sampler, trials=24, limits={count: float(most)})), count)
    assert bound.pop("preset:single_task") == [baseline]
    assert all(size <= most for many in bound.values() for size in many)
    allowed = {f"preset:{name}" for name in PRESETS[1:] if free[f"preset:{name}"][0] <= most}
    assert {origin for origin in bound if origin.startswith("preset")} == allowed
    assert sum(map(len, bound.values())) >= 20


def test_where_nothing_is_within_the_limit_the_search_closes_and_says_so(tmp_path: Path) -> None:
    lines = found(tmp_path, request(tree=TINY, limits={"parameters": 5.0}), tree=TINY)
    (closed,) = (line for line in lines if isinstance(line, Closed))
    assert closed.reason.startswith("100 draws brought nothing new: ")
    assert closed.reason.endswith(" parameters, above the limit of 5")
    state = RunState().after(lines)
    assert [trial.preset for trial in state.trials.values()] == ["single_task"]
    assert state.chosen is not None


def slow_if_wide(job: Job) -> JobResult:
    """More experts take longer; a worker that is given a limit keeps to it."""
    answer, most = trained(job), job.limits.get("latency_ms")
    if job.latency and most is not None and answer.latency_ms is not None and answer.latency_ms > most:
        return JobResult(
            failure="limit", reason=f"{answer.latency_ms:.2f} ms, above the limit of {most:g}", seconds=0.1
        )
    return answer


def test_latency_is_measured_once_a_trial_and_what_is_above_the_limit_ends_there(tmp_path: Path) -> None:
    jobs = run(driver(tmp_path, request(trials=20, limits={"latency_ms": 4.0})), work=slow_if_wide)
    state = RunState().after(events(tmp_path))
    over = [trial for trial in state.trained if trial.failed is not None]
    assert over
    for trial in over:
        assert isinstance(trial.failed, Failed)
        assert trial.failed.failure == "limit"
        assert not trial.scored
        assert sum(job.number == trial.number for job in jobs) == 1
    assert state.chosen is not None
    assert not {trial.number for trial in over} & set(state.chosen.numbers)
    assert len(state.trained) == 20
    assert all(job.latency == (job.kind == "trial" and job.rung == 0) for job in jobs)
    assert all(job.limits == {} for job in jobs if job.number == 0)  # the baseline
    assert {trial.latency_ms for trial in state.trained if trial.scored and trial.number} <= {1.0, 2.0, 3.0, 4.0}


def test_latency_is_measured_where_it_is_an_objective_and_else_not(tmp_path: Path) -> None:
    asked = request(objectives=("mean", "latency_ms"), sampler="nsga2")
    assert {job.latency for job in run(driver(tmp_path / "a", asked)) if job.rung == 0 and job.kind == "trial"} == {
        True
    }
    assert not any(job.latency for job in run(driver(tmp_path / "b", request())))


@pytest.mark.parametrize("limits", [{"parameters": 0.0}, {"latency_ms": -1.0}, {"weight": 1.0}])
def test_a_limit_is_a_positive_number_for_something_that_costs(limits: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="limits are positive numbers for parameters, macs, latency_ms"):
        request(limits=limits)


def test_where_no_limit_is_given_operations_have_one() -> None:
    data = mn.load_dataset("synthetic-mmoe/0.5")
    space = mn.load_space("everything").for_schema(data.schema)
    largest = max(mn.compose(mn.preset(name, data.schema), data.schema).macs for name in ("ple", "adatt", "stem"))
    most = limits_with_default({"parameters": 1e6}, space, data.schema)["macs"]
    assert 5 * largest <= most < 1e8
    wide = read_space({"design": {"levels": [{"shared": 1, "expert": {"hidden": [4096, 4096]}}]}}, "wide")
    own = wide.for_schema(data.schema)
    macs = mn.compose(own.default().design, data.schema).macs
    assert limits_with_default({}, own, data.schema)["macs"] == 5 * macs > most  # the space is not empty
    given = {"macs": 5.0}
    assert limits_with_default(given, space, data.schema) == given
