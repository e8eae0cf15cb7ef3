"""Searches that are stopped at random times, begun twice at once, or whose clock jumps."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from command_child import SEARCH, Ended, shop
from fault_cases import FaultCases
from study_fixtures import driver, events, jobs_done, request, run, timeless, trained

from mtl_nas.record import Chosen, Finalist, RunFolder, RunState
from mtl_nas.study.jobs import Job, JobResult

COMMAND = [sys.executable, "-c", "from mtl_nas.cli import main; main()"]
HERE = [sys.executable, "-c", "import here_command; here_command.main()"]
HELPERS = Path(__file__).parents[1] / "helpers"
PATIENCE = 300.0  # seconds until a busy machine has done what takes ten
SIGNALS = 20


@pytest.fixture
def shop_folder(tmp_path: Path) -> Path:
    shop().to_csv(tmp_path / "shop.csv", index=False)
    changes = {"trials": 12, "cohort": 6, "ensemble": False}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(SEARCH | {"search": {**SEARCH["search"], **changes}}))
    return tmp_path


def started(folder: Path, *words: str, command: list[str] = COMMAND) -> subprocess.Popen[str]:
    paths = os.pathsep.join([str(HELPERS), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [*command, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], patience: float = PATIENCE) -> Ended:
    text, _ = process.communicate(timeout=patience)
    return Ended(process.returncode, text)


def events_of(folder: Path, kind: str | None = None) -> int:
    if not (folder / "search.yaml").exists():
        return -1
    return sum(kind in (None, event.event) for event in RunFolder(folder).record)


def wait_for_events(process: subprocess.Popen[str], folder: Path, count: int, kind: str | None = None) -> None:
    """Wait until a search has recorded so many events, of one kind if it is given, or has ended."""
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and events_of(folder, kind) < count and time.monotonic() < deadline:
        time.sleep(0.02)


def unlocked(folder: Path) -> str | None:
    """What is wrong with the record and the lock of a folder whose search was stopped."""
    if RunFolder(folder).record.repair():
        return "the last line of the record is torn"
    with RunFolder(folder).lock():
        return None


def stopped_problem(stopped: Ended, number: int, folder: str) -> str | None:
    """What is wrong with the end of a command that a signal stopped."""
    if stopped.code != 128 + number:
        return f"exit code {stopped.code}: {stopped.last}"
    if "Traceback" in stopped.text or not stopped.last.endswith(f"mtl-search resume {folder}"):
        return f"the last line is {stopped.last!r}"
    return None


@pytest.fixture
def in_the_long_form(every_fault: bool) -> None:
    """Leave a test that starts Ray to the long form; ``make test`` has such tests of its own."""
    if not every_fault:
        pytest.skip("in the long form")


@pytest.mark.parametrize("command", [HERE, COMMAND], ids=["trainings here", "Ray"])
def test_a_sigterm_at_any_time_is_exit_code_143_and_the_search_goes_on(
    command: list[str], shop_folder: Path, cases: FaultCases, every_fault: bool
) -> None:
    if command is COMMAND and not every_fault:
        pytest.skip("in the long form; tests/cli/test_signals.py stops searches on Ray in every form")
    dice = random.Random(0)
    count = SIGNALS if every_fault else 2
    for number in range(count):
        name = f"run{number}"
        folder = shop_folder / name
        process = started(shop_folder, "run", "search.yaml", "--folder", name, "--cpus", "1", command=command)
        wait_for_events(process, folder, dice.randrange(30))
        time.sleep(dice.random() * 0.2)
        process.send_signal(signal.SIGTERM)
        stopped = ended(process)
        if stopped.code == 0:
            continue  # it was over before
        problem = stopped_problem(stopped, signal.SIGTERM, name)
        if problem is None and folder.exists():
            problem = unlocked(folder)
        if problem is None and number % 4 == 0 and (folder / "search.yaml").exists():
            again = ended(started(shop_folder, "resume", name, "--cpus", "1", command=command))
            problem = None if again.code == 0 else f"resumed: {again.last}"
        cases.add(f"SIGTERM, {'Ray' if command is COMMAND else 'trainings here'}", name, problem)


def test_two_commands_at_once_on_one_folder_are_one_search_and_a_line(
    shop_folder: Path, cases: FaultCases, every_fault: bool
) -> None:
    second = [("run", "search.yaml", "--folder", "run"), ("resume", "run")]
    first = started(shop_folder, "run", "search.yaml", "--folder", "run", "--cpus", "1", command=HERE)
    wait_for_events(first, shop_folder / "run", 1)
    os.kill(first.pid, signal.SIGSTOP)  # so that it lasts
    for words in second[: 2 if every_fault else 1]:
        other = ended(started(shop_folder, *words, command=HERE))
        problem = other.problem if "is in use by process" in other.last else f"exit code {other.code}: {other.last}"
        cases.add("two at once", words[0], problem)
    os.kill(first.pid, signal.SIGCONT)
    done = ended(first)
    cases.add("two at once", "the first one", done.problem or (None if done.code == 0 else done.last))


def test_two_commands_that_begin_at_once_leave_one_search(
    shop_folder: Path, cases: FaultCases, every_fault: bool
) -> None:
    for attempt in range(6 if every_fault else 1):
        name = f"both{attempt}"
        both = [started(shop_folder, "run", "search.yaml", "--folder", name, command=HERE) for _ in range(2)]
        outcomes = [ended(process) for process in both]
        problem = next((each.problem for each in outcomes if each.problem), None)
        if problem is None and 0 not in [each.code for each in outcomes]:
            problem = f"none has searched: {outcomes[0].last}"
        cases.add("two that begin at once", name, problem or unlocked(shop_folder / name))


# Processes of Ray


def ray_processes(parent: int, name: str) -> list[psutil.Process]:
    """The processes of Ray below a search whose command line has a word."""
    alike = []
    for process in psutil.Process(parent).children(recursive=True):
        try:
            if name in " ".join(process.cmdline()):
                alike.append(process)
        except psutil.Error:
            continue
    return alike


FAULTS_OF_RAY = {  # words of the process, the signal, and the event of the record at which it is sent
    "worker killed": ("ray::ImplicitFunc", signal.SIGKILL, "scored"),
    "raylet killed": ("raylet/raylet", signal.SIGKILL, "scored"),
    "gcs killed": ("gcs_server", signal.SIGKILL, "scored"),
    "gcs killed while Ray starts": ("gcs_server", signal.SIGKILL, "proposed"),
    "file actor killed": ("ray::RunServer", signal.SIGKILL, "scored"),
    "gcs stopped for good": ("gcs_server", signal.SIGSTOP, "scored"),
    "worker stopped for good while it starts": ("default_worker.py", signal.SIGSTOP, "proposed"),
    "worker stopped for a second": ("ray::ImplicitFunc", signal.SIGSTOP, "scored"),
}
GCS_DIED = "Ray ends the process of a search itself, with exit code 1, a minute after its gcs_server has died"


@pytest.mark.parametrize("name", FAULTS_OF_RAY)
@pytest.mark.usefixtures("in_the_long_form")
def test_a_process_of_ray_that_is_killed_or_stopped_costs_no_trial(
    name: str, shop_folder: Path, cases: FaultCases
) -> None:
    file = shop_folder / "search.yaml"
    file.write_text(file.read_text().replace("epochs: 1", "epochs: 40"))  # so that it is still searching then
    words, number, event = FAULTS_OF_RAY[name]
    folder = shop_folder / "run"
    process = started(shop_folder, "run", "search.yaml", "--folder", "run", "--cpus", "1")
    wait_for_events(process, folder, 1, event)
    deadline = time.monotonic() + PATIENCE
    while not (targets := ray_processes(process.pid, words)) and time.monotonic() < deadline and not process.poll():
        time.sleep(0.1)
    for target in targets[:1]:
        target.send_signal(number)
    if name.endswith("for a second") and targets:
        time.sleep(1)
        targets[0].send_signal(signal.SIGCONT)
    done = ended(process, patience=2 * PATIENCE)
    problem = done.problem
    if not targets:
        problem = "no process to meet the fault"
    if done.code == 1 and "gcs_server has died: the search stops" in done.text:
        cases.flaw("process of Ray", GCS_DIED)
        problem = None
    if problem is None and done.code:
        again = ended(started(shop_folder, "resume", "run", "--cpus", "1"))
        problem = None if again.code == 0 else f"resumed: {again.last}"
    state = RunState().after(RunFolder(folder).record)
    lost = [trial.name for trial in state.trials.values() if trial.failed is not None]
    cases.add("process of Ray", name, problem or (f"lost for good: {lost}" if lost else None))


# Clocks


def jumping(jumps: list[float]) -> Callable[[], float]:
    """A clock that jumps by so many seconds at each reading, forwards and back."""
    now = 0.0
    waiting: Iterator[float] = iter(jumps)

    def read() -> float:
        nonlocal now
        now += next(waiting, 0.01)
        return now

    return read


@pytest.mark.parametrize("limit", [None, 600.0])
def test_a_clock_that_jumps_ends_no_search_early_without_a_reason(
    limit: float | None, tmp_path: Path, cases: FaultCases, some: Any
) -> None:
    run(driver(tmp_path / "steady", request(time=limit), now=jumping([])))
    steady = timeless(events(tmp_path / "steady"))
    for case in some(range(40), 8):
        dice = random.Random(case)
        jumps = [dice.choice((0.01, 0.01, 5.0, -5.0, 3_600.0, -3_600.0, 1e9, -1e9)) for _ in range(60)]

        def jump(case: int = case, jumps: list[float] = jumps) -> str | None:
            driven = driver(tmp_path / str(case), request(time=limit), now=jumping(jumps))
            for _ in jobs_done(driven):
                pass
            state = RunState().after(events(tmp_path / str(case)))
            if state.chosen is None or state.selected is None:
                return "no network"
            if limit is None and timeless(events(tmp_path / str(case))) != steady:
                return "a search without a limit of time depends on the clock"
            return None

        cases.attempt("clock that jumps", f"jumps {case}", jump)


def test_seconds_of_workers_whose_clock_jumps_decide_nothing_but_the_time_left(
    tmp_path: Path, cases: FaultCases
) -> None:
    run(driver(tmp_path / "steady", request()))
    for seconds in (-3_600.0, 0.0, 1e9):

        def work(job: Job, seconds: float = seconds) -> JobResult:
            return trained(job).model_copy(update={"seconds": seconds, "rows_per_second": 1e-9})

        run(driver(tmp_path / str(seconds), request()), work=work)
        same = timeless(events(tmp_path / str(seconds))) == timeless(events(tmp_path / "steady"))
        cases.add("clock that jumps", f"{seconds} seconds", None if same else "other events")


def test_work_that_is_charged_in_the_future_still_leaves_finalists(tmp_path: Path, cases: FaultCases) -> None:
    """The record says that a worker took years; a resume with a limit of time ends with finalists all the same."""

    def slow(job: Job) -> JobResult:
        return trained(job).model_copy(update={"seconds": 1e8 if job.number == 2 else 0.1})

    run(driver(tmp_path, request(time=600.0)), work=slow)
    lines = events(tmp_path)
    chosen = [event for event in lines if isinstance(event, Chosen)]
    trained_again = [event for event in lines if isinstance(event, Finalist)]
    cases.add("clock that jumps", "years", None if chosen and trained_again else "no finalists")
