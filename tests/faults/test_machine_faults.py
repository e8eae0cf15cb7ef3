"""Faults of the machine at every point of a search: once they are gone, it ends like one that nothing disturbed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fault_cases import FaultCases
from faulty_files import DISKS, Fault, faults_in
from ray.exceptions import RayActorError
from tiny_search import Here, LostError, data, difference, outcome, tiny_search

from mtl_nas.data import Dataset
from mtl_nas.errors import MtlNasError
from mtl_nas.record import Record, RunFolder

PARTS = 4
SHORT = 2  # points of a part in CI


@pytest.fixture(scope="module")
def rows() -> Dataset:
    return data()


@pytest.fixture(scope="module")
def unbroken(rows: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Fault, Here]:
    folder, here = tmp_path_factory.mktemp("unbroken"), Here()
    with faults_in(folder, Fault(-1)) as none:
        tiny_search(folder / "run", rows, here)
    return outcome(folder / "run"), none, here


def problem_of(call: Callable[[], object]) -> BaseException | None:
    """What a search stops with, if it stops."""
    try:
        call()
    except (MtlNasError, OSError) as problem:  # the command line prints either on one line
        return problem
    return None


def charged(folder: Path) -> str | None:
    """The first failure that the record charges to a design, though the machine is to blame."""
    record = RunFolder(folder).record
    reasons = [event.reason for event in Record(record.path) if event.event == "failed"]
    return f"charged to a design: {reasons[0]}" if reasons else None


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize("disk", DISKS)
def test_an_error_of_the_disk_at_any_operation_costs_nothing(
    disk: str,
    lasting: bool,
    part: int,
    tmp_path: Path,
    rows: Dataset,
    unbroken: tuple[dict[str, Any], Fault, Here],
    cases: FaultCases,
    some: Any,
) -> None:
    expected, none, _ = unbroken
    error, kinds = DISKS[disk]
    points = [point for point, (kind, _) in enumerate(none.operations) if kind in kinds]
    for point in some(points[part::PARTS], SHORT):
        folder = tmp_path / str(point)
        folder.mkdir()

        def case(folder: Path = folder, point: int = point) -> str | None:
            with faults_in(folder, Fault(point, error, kinds=kinds, lasting=lasting)) as fault:
                problem = problem_of(lambda: tiny_search(folder / "run", rows))
            if not fault.happened:
                return "the fault did not happen"
            if lasting and problem is None and disk != "read-only":
                return "a search on a disk that fails for good says nothing"
            tiny_search(folder / "run", rows)
            return charged(folder / "run") or difference(folder / "run", expected)

        name = f"{disk} disk, {'from an operation on' if lasting else 'once'}"
        cases.attempt(name, f"point {point} {none.operations[point]}", case)


def broken_actor(at: int, lasting: bool) -> Callable[[int], None]:
    def call(number: int) -> None:
        if number == at or (lasting and number > at):
            raise RayActorError

    return call


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
def test_an_actor_that_is_lost_at_any_file_costs_nothing(
    lasting: bool,
    tmp_path: Path,
    rows: Dataset,
    unbroken: tuple[dict[str, Any], Fault, Here],
    cases: FaultCases,
    some: Any,
) -> None:
    expected, _, here = unbroken
    for point in some(range(here.files), SHORT):
        folder = tmp_path / str(point) / "run"
        folder.parent.mkdir()

        def case(folder: Path = folder, point: int = point) -> str | None:
            problem = problem_of(lambda: tiny_search(folder, rows, Here(store=broken_actor(point, lasting))))
            if lasting and "the search is paused, as the machine failed 3 times" not in str(problem):
                return f"a lost actor ends in: {problem}"
            tiny_search(folder, rows)
            return charged(folder) or difference(folder, expected)

        cases.attempt(f"lost actor, {'for good' if lasting else 'once'}", f"file {point}", case)


@pytest.mark.parametrize("alive", [True, False], ids=["a worker", "all of Ray"])
def test_a_worker_that_is_lost_at_any_job_costs_no_result(
    alive: bool,
    tmp_path: Path,
    rows: Dataset,
    unbroken: tuple[dict[str, Any], Fault, Here],
    cases: FaultCases,
    some: Any,
) -> None:
    expected, _, here = unbroken

    def lost_at(point: int) -> Callable[[int], None]:
        def call(number: int) -> None:
            if number == point or (not alive and number > point):
                raise LostError

        return call

    for point in some(range(here.jobs), SHORT):
        folder = tmp_path / str(point) / "run"
        folder.parent.mkdir()

        def case(folder: Path = folder, point: int = point) -> str | None:
            problem = problem_of(lambda: tiny_search(folder, rows, Here(lost=lost_at(point), alive=lambda: alive)))
            if alive:
                return str(problem) if problem else difference(folder, expected)
            if "the search is paused" not in str(problem):
                return f"a Ray that is lost ends in: {problem}"
            tiny_search(folder, rows)
            return charged(folder) or difference(folder, expected)

        cases.attempt(f"lost {'worker' if alive else 'Ray'}", f"job {point}", case)
