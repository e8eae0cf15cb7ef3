"""A search on a Ray cluster of several nodes, which join and leave while it goes on."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from study_fixtures import decisions, events

from mtl_nas.exports import load_model
from mtl_nas.record import Failed, Scored
from mtl_nas.study import load_run
from mtl_nas.study.execution.ray_backend import CLUSTER_GROWTH, concurrent_trials

SEARCH = """
import sys
sys.path.insert(0, {tests!r})
from study_fixtures import small_search
from mtl_nas.study import Resources
small_search({folder!r}, resources=Resources(**{resources}))
"""
PATIENCE = 300.0  # seconds


def started(folder: Path, **resources: object) -> subprocess.Popen[bytes]:
    """A search in a process of its own."""
    script = SEARCH.format(tests=str(Path(__file__).parents[1] / "helpers"), folder=str(folder), resources=resources)
    return subprocess.Popen([sys.executable, "-c", script], cwd=folder.parent)


def test_a_cluster_may_grow_to_some_times_its_size_and_a_machine_does_not() -> None:
    assert concurrent_trials(4, elastic=False) == 4
    assert concurrent_trials(4, elastic=True) == 4 * CLUSTER_GROWTH


@pytest.mark.ray
def test_nodes_join_and_leave_and_the_search_decides_as_on_one_machine(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    def scored() -> int:
        record = tmp_path / "run" / "trials.jsonl"
        return sum(isinstance(event, Scored) for event in events(tmp_path / "run")) if record.exists() else 0

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        leaves = cluster.add_node(num_cpus=1)
        driver = started(tmp_path / "run", address=cluster.address)
        start = time.monotonic()
        while scored() < 2 and driver.poll() is None and time.monotonic() < start + PATIENCE:
            time.sleep(0.2)
        cluster.add_node(num_cpus=1)
        cluster.remove_node(leaves, allow_graceful=False)
        assert driver.wait(PATIENCE) == 0
    finally:
        cluster.shutdown()
    assert started(tmp_path / "alone", cpus=2).wait(PATIENCE) == 0
    run, alone = load_run(tmp_path / "run"), load_run(tmp_path / "alone")
    assert run.finished
    assert decisions(events(run.path)) == decisions(events(alone.path))
    assert {trial.number: trial.scored.keys() for trial in run.trials()} == {
        trial.number: trial.scored.keys() for trial in alone.trials()
    }
    assert all(event.failure == "lost" for event in events(run.path) if isinstance(event, Failed))
    assert load_model(run.path / "best").network.weights().keys()
