"""A search on one machine is private: no port beyond loopback, folders of mode 0700, nothing left behind."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import ray

from mtl_nas.study import Resources
from mtl_nas.study.execution.cluster import cluster
from mtl_nas.study.execution.private_folder import private_folder, remove_abandoned_folders


def own_process() -> int:
    return os.getpid()


@pytest.mark.ray
def test_a_local_ray_listens_on_loopback_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if ray.is_initialized():
        ray.shutdown()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "foreign").touch()
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "foreign"))  # as /tmp/ray is to whom it does not belong: no folder
    with private_folder() as scratch, cluster(Resources(cpus=1), scratch):
        assert ray.get(ray.remote(own_process).remote()) != os.getpid()
        own = psutil.Process()
        processes = [own, *own.children(recursive=True)]
        ports = [port for process in processes for port in process.net_connections("inet") if port.status == "LISTEN"]
        assert len(ports) > 3
        assert {port.laddr.ip.removeprefix("::ffff:") for port in ports} == {"127.0.0.1"}
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        assert os.environ["RAY_AUTH_TOKEN"]
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert not scratch.exists()
    assert not (tmp_path / ".ray").exists(), "no token is written into the home folder"
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


HOLDER = """
import sys, tempfile, time
tempfile.tempdir = sys.argv[1]
from mtl_nas.study.execution import private_folder
private_folder.LONGEST = 1_000  # no socket is made here
with private_folder.private_folder() as folder:
    (folder / "ray").mkdir()
    print(folder.name, flush=True)
    time.sleep(60)
"""


def test_what_a_killed_search_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in ("mtl-nas-notes", "other"):
        (tmp_path / name / "ray").mkdir(parents=True)
    holders = [
        subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, alive = (str(holder.stdout and holder.stdout.readline().strip()) for holder in holders)
    holders[0].kill()
    holders[0].wait()
    assert (tmp_path / killed).exists()
    remove_abandoned_folders(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {alive, "mtl-nas-notes", "other"}
    holders[1].kill()
    for holder in holders:
        holder.wait()
        if holder.stdout is not None:
            holder.stdout.close()
