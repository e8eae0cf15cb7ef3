"""Measure how our step grows with tasks, experts, embedding rows and stacked seeds, and a small search with workers.

    python -m benchmarks.speed.scale                        # some 20 minutes
    python -m benchmarks.speed.scale --only experts --rounds 3

Each measurement is a fresh process; the sizes alternate. Prints tables, and writes benchmarks/results/scale.json;
``python -m benchmarks.speed.report`` writes them into docs/results/speed.md.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, load, save
from benchmarks.speed.alternating import alternate
from benchmarks.speed.measurement import EPOCH_ROWS, Measurement, Settings, Sizes
from benchmarks.speed.report import scale_tables

TASKS, EXPERTS = (2, 4, 8, 16), (8, 4, 16, 32, 64)  # counts
TABLE_ROWS = (10**4, 10**5, 10**6, 10**7)  # embedding rows of all fields together
SEEDS = (1, 2, 4, 8)  # fits trained as one stack
WORKERS = (1, 2)  # workers of the small search
SMALL_EPOCHS = 3  # per trial of the small search
SMALL_BUDGET = {"trials": 12, "rungs": (1.0,), "finalists": 1, "seeds": 1}


def growing_sizes(sizes: Sizes, settings: Settings) -> dict[str, dict[str, Measurement]]:
    """Return the measurements by what grows and by its size; seeds are measured on a GPU if there is one."""
    seed_settings = replace(settings, device="cuda" if torch.cuda.is_available() else "cpu")
    seed_sizes = replace(sizes, rows=EPOCH_ROWS[seed_settings.device])
    return {
        "tasks": {str(count): Measurement("ours", replace(sizes, tasks=count), settings) for count in TASKS},
        "experts": {str(count): Measurement("ours", replace(sizes, experts=count), settings) for count in EXPERTS},
        "table rows": {
            str(rows): Measurement("ours", replace(sizes, levels=rows // sizes.fields), settings) for rows in TABLE_ROWS
        },
        "seeds": {str(count): Measurement("ours", seed_sizes, replace(seed_settings, seeds=count)) for count in SEEDS},
    }


def trials_per_hour(workers: int) -> float:
    """Run a small search on a small table; its time includes Ray's start and the finalist."""
    data, space = mn.load_dataset("synthetic-mmoe/0.5"), mn.load_space("mmoe")
    short = mn.SearchSpace("short", {**space.tree, "training": {**space.tree["training"], "epochs": SMALL_EPOCHS}})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = mn.search(
            short,
            data,
            budget=mn.Budget(**SMALL_BUDGET),
            folder=folder,
            presets=(),
            resources=mn.Resources(cpus=workers),
        )
        return 3600 * len(run.trials()) / (time.perf_counter() - start)


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=("tasks", "experts", "table rows", "seeds", "workers"))
    parser.add_argument("--batch", type=int, default=1_024, help="rows per step")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each size")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement after its warm-up")
    parser.add_argument("--output", type=Path, default=RESULTS / "scale.json", help="file to write the results to")
    return parser


def main() -> None:
    options = argument_parser().parse_args()
    console, sizes = Console(width=170), Sizes()
    settings = Settings(batch=options.batch, threads=options.threads, seconds=options.seconds)
    results: dict[str, Any] = {
        "steps": {},
        "devices": {},
        "workers": {},
        **load(options.output, {}),
        "machine": machine(),
        "model": sizes.model,
        "batch": options.batch,
    }
    for name, measurements in growing_sizes(sizes, settings).items():
        if options.only and name not in options.only:
            continue
        device = next(iter(measurements.values())).settings.device
        console.print(f"{name}: no GPU, measured on the processor" if (name, device) == ("seeds", "cpu") else name)
        rates = alternate(measurements, options.rounds, log=console.print)
        results["devices"] = {**results["devices"], name: device}
        results["steps"][name] = {size: [options.batch / rate for rate in values] for size, values in rates.items()}
        save(options.output, results)
    if not options.only or "workers" in options.only:
        results["workers"] = {str(workers): [] for workers in WORKERS}
        for _ in range(options.rounds):
            for workers in WORKERS:
                results["workers"][str(workers)].append(trials_per_hour(workers))
                save(options.output, results)
    for table in scale_tables(results):
        console.print(table.rich())


if __name__ == "__main__":
    main()
