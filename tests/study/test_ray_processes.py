"""Processes of Ray on this machine that are stopped are ended, and those that have died are named."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from mtl_nas.study.execution.ray_processes import LOOKS, Look, own_processes


@pytest.fixture
def process() -> Iterator[psutil.Process]:
    """A process that waits."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield psutil.Process(child.pid)
    finally:
        child.kill()
        child.communicate()


def stopped(process: psutil.Process) -> None:
    process.send_signal(signal.SIGSTOP)
    while process.status() != psutil.STATUS_STOPPED:
        pass


def test_a_process_that_stays_stopped_is_ended_and_named(process: psutil.Process) -> None:
    look = Look(lambda: {"raylet": [process]})
    assert look() == []
    stopped(process)
    assert [look() for _ in range(LOOKS - 1)] == [[]] * (LOOKS - 1)
    (line,) = look()
    assert line.endswith("was stopped for 120 s and is ended")
    while process.status() != psutil.STATUS_ZOMBIE:
        pass
    assert look() == ["Ray's process raylet has died: the search stops within a minute; resume the run"]
    assert look() == []


def test_a_process_that_goes_on_in_between_is_left_alone(process: psutil.Process) -> None:
    look = Look(lambda: {"raylet": [process]})
    for _ in range(3):
        stopped(process)
        assert not any(look() for _ in range(LOOKS - 1))
        process.send_signal(signal.SIGCONT)
        while process.status() == psutil.STATUS_STOPPED:
            pass
        assert look() == []


def test_processes_that_are_not_of_ray_are_left_alone(process: psutil.Process) -> None:
    assert process in psutil.Process().children()
    assert not any(process in alike for alike in own_processes().values())
