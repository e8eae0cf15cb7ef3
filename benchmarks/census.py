"""Run a whole search on Census-Income: wall time, memory of a worker, comparison table, and boosted trees if asked for.

    python -m benchmarks.census --folder runs/census            # 40 trials
    python -m benchmarks.census --folder runs/census --trees    # boosted trees too, one model per task (LightGBM)

Prints a table, and writes benchmarks/results/census.json with versions and machine.
"""

import argparse
import os
import time

from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, save
from benchmarks.speed.clock import ProcessWatch
from mtl_nas.comparison import tables


def tree_auc(data: mn.Dataset) -> dict[str, float | None]:
    """Return the AUC of boosted trees on the test rows by task, with one model per task on the encoded columns."""
    from mtl_nas.trees import LIBRARIES, boosted_trees

    return {name: scores["auc"] for name, scores in boosted_trees(data, LIBRARIES[0]).scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default="runs/census", help="folder of the run")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trees", action="store_true", help="train boosted trees too")
    options = parser.parse_args()
    data = mn.load_dataset("census-income")
    processes = ProcessWatch()
    processes.start()
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
    results = {
        "machine": machine(),
        "workers": os.cpu_count(),
        "seconds": round(seconds),
        "worker_megabytes": round(processes.worker_megabytes),
        "table": comparison.frame().to_dict("records"),
        "trees": tree_auc(data) if options.trees else None,
    }
    print(
        f"{results['seconds']} s on {results['workers']} workers, at most {results['worker_megabytes']} MB per worker"
    )
    if results["trees"]:
        print("boosted trees, AUC on test rows:", {name: round(auc, 4) for name, auc in results["trees"].items()})
    save(RESULTS / "census.json", results)


if __name__ == "__main__":
    main()
