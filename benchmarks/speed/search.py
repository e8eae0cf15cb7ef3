"""Measure how long a search takes to the score that tuning a peer ends with, and what it costs beside training.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.speed.search               # some hours on two cores
    MTL_NAS_DATA=/path/to/data python -m benchmarks.speed.search --only search tiny

Parts: ``tuned`` is torch-rechub under Optuna with a median pruner; ``search`` is ours; ``ray`` is our space under Ray
Tune's OptunaSearch with a new actor per trial; ``tiny`` is a search of trials so small that its time is not training.
Each part is a process of its own with one worker. Prints tables, and writes benchmarks/results/search.json;
``python -m benchmarks.speed.report`` writes them into docs/results/speed.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, load, save
from benchmarks.speed.report import search_tables

TRIALS = {"tuned": 40, "search": 100, "ray": 20, "tiny": 100}
COMMANDS = {
    "tuned": ("rechub_tuned",),
    "search": ("our_search", "census"),
    "ray": ("ray_optuna",),
    "tiny": ("our_search", "tiny"),
}
TINY_RUNS = 3
Results = dict[str, Any]


def run_part(part: str, trials: int, seed: int) -> list[Results]:
    """Run the command of a part, and return the JSON lines that it prints."""
    module, *arguments = COMMANDS[part]
    command = [sys.executable, "-m", f"benchmarks.speed.{module}", *arguments]
    process = subprocess.run(
        [*command, "--trials", str(trials), "--seed", str(seed)], stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in process.stdout.splitlines() if line.startswith("{")]


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(TRIALS), default=list(TRIALS))
    parser.add_argument("--trials", type=int, help="trials of every part; the default differs by part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULTS / "search.json", help="file to write the results to")
    return parser


def main() -> None:
    options = argument_parser().parse_args()
    results = {**load(options.output, {}), "machine": machine("torch-rechub"), "data": "census-income"}
    for part in options.only:
        trials = options.trials or TRIALS[part]
        runs = TINY_RUNS if part == "tiny" else 1
        lines = [line for run in range(runs) for line in run_part(part, trials, options.seed + run)]
        results[part] = lines[0] if part == "search" else lines  # our search prints one line for all its trials
        save(options.output, results)
    console = Console(width=140)
    for table in search_tables(results):
        console.print(table.rich())


if __name__ == "__main__":
    main()
