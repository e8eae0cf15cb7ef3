"""How our step grows with tasks, experts, rows of tables and seeds as one, and a small search with workers.

    python -m benchmarks.speed.scale                        # some 20 minutes
    python -m benchmarks.speed.scale --only experts --rounds 3

Each measurement is a fresh process, the sizes alternate. Prints tables, and writes benchmarks/results/scale.json;
``python -m benchmarks.speed.report`` writes them into docs/results/speed.md.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.speed.alternating import alternated
from benchmarks.speed.report import scale_tables
from benchmarks.speed.sizes import ROWS, Call, Measured, Sizes

KEPT = Path(__file__).parents[1] / "results" / "scale.json"
TASKS, EXPERTS, TABLE_ROWS = (2, 4, 8, 16), (8, 4, 16, 32, 64), (10**4, 10**5, 10**6, 10**7)
SEEDS = (1, 2, 4, 8)
WORKERS = (1, 2)
PASSES = 3  # of a trial of the small search
SMALL = {"trials": 12, "rungs": (1.0,), "finalists": 1, "seeds": 1}  # of the small search


def grown(sizes: Sizes, here: Measured) -> dict[str, dict[str, Call]]:
    """By what grows, and by how much there is of it; seeds on a GPU where there is one."""
    on_gpu = replace(here, device="cuda" if torch.cuda.is_available() else "cpu")
    longer = replace(sizes, rows=ROWS[on_gpu.device])
    return {
        "tasks": {str(count): Call("ours", replace(sizes, tasks=count), here) for count in TASKS},
        "experts": {str(count): Call("ours", replace(sizes, experts=count), here) for count in EXPERTS},
        "table rows": {
            str(rows): Call("ours", replace(sizes, levels=rows // sizes.fields), here) for rows in TABLE_ROWS
        },
        "seeds": {str(count): Call("ours", longer, replace(on_gpu, seeds=count)) for count in SEEDS},
    }


def trials_an_hour(workers: int) -> float:
    """Of a small search on a small table, Ray's start and the finalist included."""
    data, space = mn.load_dataset("synthetic-mmoe/0.5"), mn.load_space("mmoe")
    short = mn.SearchSpace("short", {**space.tree, "training": {**space.tree["training"], "epochs": PASSES}})
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        run = mn.search(
            short, data, budget=mn.Budget(**SMALL), folder=folder, presets=(), resources=mn.Resources(cpus=workers)
        )
        return 3600 * len(run.trials()) / (time.perf_counter() - start)


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--only", nargs="+", choices=("tasks", "experts", "table rows", "seeds", "workers"))
    found.add_argument("--batch", type=int, default=1_024)
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--threads", type=int, default=1)
    found.add_argument("--seconds", type=float, default=3.0, help="of each measurement, after its warm-up")
    found.add_argument("--kept", type=Path, default=KEPT)
    return found


def main() -> None:
    options = parser().parse_args()
    console, sizes = Console(width=170), Sizes()
    here = Measured(batch=options.batch, threads=options.threads, seconds=options.seconds)
    known: dict[str, Any] = json.loads(options.kept.read_text()) if options.kept.exists() else {}
    kept = {
        "steps": {},
        "devices": {},
        "workers": {},
        **known,
        "machine": machine(),
        "model": sizes.model,
        "batch": options.batch,
    }
    for name, calls in grown(sizes, here).items():
        if options.only and name not in options.only:
            continue
        devices = {call.measured.device for call in calls.values()}
        console.print(name if name != "seeds" or "cuda" in devices else f"{name}: no GPU, measured on the processor")
        rates = alternated(calls, options.rounds, said=console.print)
        kept["devices"] = {**kept["devices"], name: devices.pop()}
        kept["steps"][name] = {size: [options.batch / rate for rate in found] for size, found in rates.items()}
        _keep(options.kept, kept)
    if not options.only or "workers" in options.only:
        kept["workers"] = {str(count): [] for count in WORKERS}
        for _ in range(options.rounds):
            for count in WORKERS:
                kept["workers"][str(count)].append(trials_an_hour(count))
                _keep(options.kept, kept)
    for table in scale_tables(kept):
        console.print(table.rich())


def _keep(path: Path, kept: dict[str, Any]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
