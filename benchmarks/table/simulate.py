r"""Simulate searches on the dense table: hundreds of seeds in minutes, with the decisions of the code of a real run.

    python -m benchmarks.table.simulate synthetic-funnel census-income/group1 --seeds 200

Prints per method the regret of the winner (the best architecture's true score minus the winner's) with its 95 %
interval; that of the network which is taken away, by its own test score, so that it may be negative; and the work in
full trainings, with overhead, replicates and finalists. Writes
benchmarks/results/simulated-<data set>.json; methods that this file holds with as many seeds are not simulated again.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, load, save
from benchmarks.table.dense_table import read_table
from benchmarks.table.rivals import random_search, ray_optuna
from benchmarks.table.simulated_search import Outcome, simulated_search

REPLICATES = 4_000  # bootstrap replicates of a mean
RANDOM_HALVING: dict[str, Any] = {"sampler": "random", "with_presets": False, "pilot": 0}
METHODS: dict[str, tuple[Callable[..., Outcome], dict[str, Any]]] = {  # the number in a name is that of trainings
    "the default, 100": (simulated_search, {"trainings": 100}),
    "the default, 50": (simulated_search, {"trainings": 50}),
    "all finalists compared, 100": (simulated_search, {"trainings": 100, "compare": "full"}),
    "all finalists compared, the best one taken, 100": (
        simulated_search,
        {"trainings": 100, "compare": "full", "takes_finalist": True},
    ),
    "random search, 200": (random_search, {"trainings": 200}),
    "random search, 100": (random_search, {"trainings": 100}),
    "Ray's OptunaSearch, 100": (ray_optuna, {"trainings": 100}),
    "halving of random draws, 100": (simulated_search, {"trainings": 100, **RANDOM_HALVING}),
    "halving of random draws by three, 100": (simulated_search, {"trainings": 100, "reduction": 3.0, **RANDOM_HALVING}),
    "default with TPE, 100": (simulated_search, {"trainings": 100, "sampler": "tpe"}),
    "default with local search, 100": (simulated_search, {"trainings": 100, "sampler": "local"}),
    "default with random draws, 100": (simulated_search, {"trainings": 100, "sampler": "random"}),
    "default without presets, 100": (simulated_search, {"trainings": 100, "with_presets": False}),
    "default without pilot, 100": (simulated_search, {"trainings": 100, "pilot": 0}),
    "default, duplicates trained, 100": (simulated_search, {"trainings": 100, "replicates": 100}),
    "default, full trainings only, 100": (simulated_search, {"trainings": 100, "rungs": (1.0,)}),
    "default without finalists, 100": (simulated_search, {"trainings": 100, "with_finalists": False}),
    "default, asynchronous, 4 workers, 100": (
        simulated_search,
        {"trainings": 100, "promotion": "asynchronous", "workers": 4},
    ),
}


def outcome(name: str, method: str, seed: int) -> Outcome:
    """Run a method on a seed; it is called in a process of a pool."""
    search, options = METHODS[method]
    return search(name, seed, **options)


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean."""
    random = np.random.default_rng(0)
    means = np.array(values)[random.integers(0, len(values), (REPLICATES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the mean regret with its interval, the mean work and the regrets of one method's searches.

    Of searches of mtl_nas also the mean regret of the network that is taken away, with its standard error.
    """
    regrets = [each.regret for each in outcomes]
    taken = [each.model_regret for each in outcomes if each.model_regret is not None]
    of_networks = {"network": fmean(taken), "error": stdev(taken) / len(taken) ** 0.5} if len(taken) > 1 else {}
    low, high = bootstrap_interval(regrets)
    return {
        "regret": fmean(regrets),
        "low": low,
        "high": high,
        "median": float(np.median(regrets)),
        "work": fmean(each.work for each in outcomes),
        "trials": fmean(each.trials for each in outcomes),
        **of_networks,
        "regrets": [round(regret, 6) for regret in regrets],
    }


def cells(summarised: dict[str, Any]) -> list[str]:
    """Return a method's cells of the printed table, with regrets in units of 1e-4."""
    regret, low, high, median = (f"{summarised[name] * 1e4:.1f}" for name in ("regret", "low", "high", "median"))
    network = f"{summarised['network'] * 1e4:.1f} ± {summarised['error'] * 1e4:.1f}" if "network" in summarised else ""
    return [regret, f"{low} to {high}", median, network, f"{summarised['work']:.1f}", f"{summarised['trials']:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="data sets that have a dense table")
    parser.add_argument("--seeds", type=int, default=200, help="searches per method")
    parser.add_argument(
        "--only", nargs="*", metavar="WORD", help="simulate methods with one of these words in the name"
    )
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that simulate")
    options = parser.parse_args()
    for name in options.data:
        table = read_table(name)
        printed = Table(title=f"{name}: regret in units of 1e-4, deviation between seeds {table.deviation * 1e4:.1f}")
        for column in ("method", "regret", "95 %", "median", "network", "work", "trials"):
            printed.add_column(column, justify="left" if column == "method" else "right")
        path = RESULTS / f"simulated-{name.replace('/', '-')}.json"
        methods = load(path, {"methods": {}})["methods"]
        results: dict[str, Any] = {"machine": machine(), "noise": table.deviation, "methods": methods}
        with ProcessPoolExecutor(options.workers) as pool:
            for method in METHODS:
                if options.only and not any(word in method for word in options.only):
                    continue
                if len(results["methods"].get(method, {}).get("regrets", ())) != options.seeds:
                    seeds = range(options.seeds)
                    outcomes = pool.map(outcome, repeat(name), repeat(method), seeds, chunksize=5)
                    results["methods"][method] = summary(list(outcomes))
                    save(path, results)
                printed.add_row(method, *cells(results["methods"][method]))
                print(method, *cells(results["methods"][method]), flush=True)
        Console(width=110).print(printed)


if __name__ == "__main__":
    main()
