"""A search is killed at every operation on its files, resumed, and ends like one that nothing disturbed."""

import signal
from pathlib import Path
from typing import Any

import pytest
from fault_cases import FaultCases
from faulty_files import Fault, faults_in
from tiny_search import data, difference, in_child, outcome, tiny_search

from mtl_nas.data import Dataset

PARTS = 8  # of the points, so that several processes share them
SHORT = 3  # points of a part in CI


@pytest.fixture(scope="module")
def rows() -> Dataset:
    return data()


@pytest.fixture(scope="module")
def unbroken(rows: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    """The outcome of a search that nothing disturbs, and the number of operations on its files."""
    folder = tmp_path_factory.mktemp("unbroken")
    with faults_in(folder, Fault(-1)) as none:
        tiny_search(folder / "run", rows)
    assert len(none.operations) > 200
    return outcome(folder / "run"), len(none.operations)


def killed(folder: Path, rows: Dataset, point: int) -> int:
    """Search in a child that is killed at an operation on its files; its exit code."""

    def dies() -> None:
        with faults_in(folder, Fault(point)):
            tiny_search(folder / "run", rows)

    return in_child(dies).code


@pytest.mark.parametrize("part", range(PARTS))
def test_a_search_that_is_killed_at_any_operation_ends_like_an_unbroken_one(
    part: int, tmp_path: Path, rows: Dataset, unbroken: tuple[dict[str, Any], int], cases: FaultCases, some: Any
) -> None:
    expected, points = unbroken
    for point in some(range(part, points, PARTS), SHORT):
        folder = tmp_path / str(point)
        folder.mkdir()

        def case(folder: Path = folder, point: int = point) -> str | None:
            if (code := killed(folder, rows, point)) != -signal.SIGKILL:
                return f"exit code {code} in place of a kill"
            tiny_search(folder / "run", rows)
            return difference(folder / "run", expected)

        cases.attempt("kill at an operation on a file", f"point {point}", case)


@pytest.mark.parametrize("part", range(PARTS))
def test_a_search_that_is_killed_again_and_again_ends_like_an_unbroken_one(
    part: int, tmp_path: Path, rows: Dataset, unbroken: tuple[dict[str, Any], int], cases: FaultCases, every_fault: bool
) -> None:
    expected, points = unbroken
    step = (points // 7 if every_fault else points // 2) + part
    kills = 0
    while killed(tmp_path, rows, step) == -signal.SIGKILL and kills < 50:
        kills += 1
    cases.add("repeated kill", f"every {step} operations", difference(tmp_path / "run", expected), kills)
    assert kills
