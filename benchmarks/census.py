"""A whole search on Census-Income: wall time, memory of a worker, the table, and boosted trees beside it.

    python -m benchmarks.census --folder runs/census            # 40 trials
    python -m benchmarks.census --folder runs/census --trees    # boosted trees too, one a task (scikit-learn)

Prints a table, and writes benchmarks/results/census.json with versions and machine.
"""

import argparse
import json
import os
import threading
import time
from pathlib import Path

import psutil
from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from mtl_nas.comparison import tables

RESULTS = Path(__file__).parent / "results"


class WorkerMemory(threading.Thread):
    """The largest memory of its own (anonymous pages) that any worker had, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest = 0.0

    def run(self) -> None:
        """Look every half second."""
        while True:
            for process in psutil.process_iter(["cmdline"]):
                if any("ray::ImplicitFunc" in part for part in process.info["cmdline"] or ()):
                    try:
                        memory = process.memory_info()
                    except psutil.Error:
                        continue
                    self.largest = max(self.largest, (memory.rss - memory.shared) / 1e6)
            time.sleep(0.5)


def trees(data: mn.Dataset) -> dict[str, float | None]:
    """AUC on the test rows of boosted trees on the encoded columns, one model a task."""
    from benchmarks.trees import tree_scores

    return {name: found["auc"] for name, found in tree_scores(data).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="runs/census")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trees", action="store_true")
    options = parser.parse_args()
    data = mn.load_dataset("census-income")
    memory = WorkerMemory()
    memory.start()
    start = time.perf_counter()
    run = mn.search(
        "everything",
        data,
        budget=mn.Budget(trials=options.trials),
        folder=options.folder,
        seed=options.seed,
        progress=True,
    )
    seconds = time.perf_counter() - start
    comparison = mn.compare([run], data)
    Console(width=100).print(tables(comparison))
    found = {
        "machine": machine(),
        "workers": os.cpu_count(),
        "seconds": round(seconds),
        "worker_megabytes": round(memory.largest),
        "table": comparison.frame().to_dict("records"),
        "trees": trees(data) if options.trees else None,
    }
    print(f"{found['seconds']} s on {found['workers']} workers, at most {found['worker_megabytes']} MB a worker")
    if found["trees"]:
        print("boosted trees, AUC on test rows:", {name: round(auc, 4) for name, auc in found["trees"].items()})
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "census.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
