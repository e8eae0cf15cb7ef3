"""Signals that end a search: the record is whole, the exit code names the signal, and the search can go on."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mtl_nas.record import RunFolder, RunState

COMMAND = [sys.executable, "-c", "from mtl_nas.cli import main; main()"]
pytestmark = pytest.mark.ray


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signals")
    random = np.random.default_rng(0)
    x = random.normal(size=3_000)
    click = (x + random.normal(size=3_000) > 0).astype(int)
    pd.DataFrame({"x": x, "c": random.choice(list("abc"), 3_000), "click": click}).to_csv(folder / "t.csv", index=False)
    return folder


def stopped(here: Path, folder: str, number: int, *, after_trials: int) -> subprocess.CompletedProcess[str]:
    """Start a search, and send the signal once so many trials are recorded; 0: once its folder exists."""
    arguments = ["run", "t.csv", "--tasks", "click", "--trials", "30", "--folder", folder, "--cpus", "1"]
    with subprocess.Popen([*COMMAND, *arguments], cwd=here, stderr=subprocess.PIPE, text=True) as process:
        record = RunFolder(here / folder).record
        while process.poll() is None:
            begun = (here / folder / "search.yaml").exists()
            if begun and sum(bool(trial.scored) for trial in RunState().after(record).trained) >= after_trials:
                break
            time.sleep(0.1)
        process.send_signal(number)
        sent = time.monotonic()
        _, said = process.communicate(timeout=60)
        assert time.monotonic() - sent < 30, "a search stops within seconds, also on a busy machine"
        return subprocess.CompletedProcess(arguments, process.returncode, "", said)


@pytest.mark.parametrize(("name", "after_trials"), [("SIGTERM", 0), ("SIGTERM", 2), ("SIGHUP", 1), ("SIGINT", 1)])
def test_a_signal_stops_a_search_that_can_go_on(here: Path, name: str, after_trials: int) -> None:
    number = getattr(signal, name)
    folder = f"{name}-{after_trials}"
    done = stopped(here, folder, number, after_trials=after_trials)
    assert done.returncode == 128 + number, done.stderr
    assert done.stderr.rstrip().endswith(f"go on with: mtl-search resume {folder}")
    assert "Traceback" not in done.stderr
    record = RunFolder(here / folder).record
    assert not record.repair(), "the last line of the record is whole"
    with RunFolder(here / folder).lock():
        pass  # nobody holds it
