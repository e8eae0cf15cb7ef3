"""A cluster: a search on the Ray cluster at an address, or on two nodes that are started on this machine.

    python examples/cluster.py [host:port] [run folder]

Trials do not read the disk of the driver, so the nodes need the package and nothing else.
"""

import sys

from ray.cluster_utils import Cluster

import mtl_nas as mn


def search(address: str, folder: str) -> None:
    """Run a small search on the cluster."""
    rows = mn.load_dataset("synthetic-mmoe").frame("train").head(3_000)
    data = mn.load_dataset(rows, {"y1": {"kind": "regression"}, "y2": {"kind": "regression"}})
    space = mn.load_space({"design": {"levels": [{"shared": {"int": [2, 6]}}]}, "training": {"epochs": 4}})
    run = mn.search(
        space,
        data,
        trials=7,
        finalists=1,
        seeds=1,
        folder=folder,
        resources=mn.Resources(cpus=2, address=address),
    )
    print(f"best: {run.best().name}, parameters {run.best().parameters:,}")


def main(address: str = "", folder: str = "runs/cluster") -> None:
    if address:
        search(address, folder)
        return
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        cluster.add_node(num_cpus=1)
        print(f"two nodes at {cluster.address}")
        search(cluster.address, folder)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
