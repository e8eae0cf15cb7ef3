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
from mtl_nas.study.execution.private_folder import private_folder, remove_folders_of_dead_processes


def own_process() -> int:
    return os.getpid()


@pytest.mark.ray
def test_a_local_ray_listens_on_loopback_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if ray.is_initialized():
        ray.shutdown()
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("HOME", str(tmp_path))
    with private_folder() as scratch, cluster(Resources(cpus=1), scratch):
        assert ray.get(ray.remote(own_process).remote()) != os.getpid()
        own = psutil.Process()
        processes = [own, *own.children(recursive=True)]
        ports = [port for process in processes for port in process.net_connections("inet") if port.status == "LISTEN"]
        assert len(ports) > 3
        assert {port.laddr.ip.removeprefix("::ffff:") for port in ports} == {"127.0.0.1"}
        assert stat.S_IMODE(scratch.stat().st_mode) == 0o700
        assert os.environ["RAY_AUTH_TOKEN"]
    assert not scratch.exists()
    assert not (tmp_path / ".ray").exists(), "no token is written into the home folder"
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_what_a_killed_search_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    for name in (f"mtl-nas-{ended.pid}-abc", f"mtl-nas-{os.getpid()}-abc", "mtl-nas-notes", "other"):
        (tmp_path / name / "ray").mkdir(parents=True)
    remove_folders_of_dead_processes(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"mtl-nas-{os.getpid()}-abc", "mtl-nas-notes", "other"}
