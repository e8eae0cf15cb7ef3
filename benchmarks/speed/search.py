"""How long a search takes to a score that tuning a peer ends with, and what it costs beside training.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.speed.search               # some hours on two cores
    MTL_NAS_DATA=/path/to/data python -m benchmarks.speed.search --only search tiny

Parts: ``tuned``, torch-rechub under Optuna with a median pruner; ``search``, ours; ``ray``, our space under Ray Tune's
OptunaSearch with fresh actors; ``tiny``, a search of trials that are nearly nothing. Each is a process of its own, with
one worker. Prints tables, and writes benchmarks/results/search.json; ``python -m benchmarks.speed.report`` writes them
into docs/results/speed.md.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.machine import machine
from benchmarks.speed.report import search_tables

KEPT = Path(__file__).parents[1] / "results" / "search.json"
TRIALS = {"tuned": 40, "search": 100, "ray": 20, "tiny": 100}
COMMANDS = {
    "tuned": ("rechub_tuned",),
    "search": ("searched", "census"),
    "ray": ("ray_optuna",),
    "tiny": ("searched", "tiny"),
}
TINY_RUNS = 3
Kept = dict[str, Any]


def lines(part: str, trials: int, seed: int) -> list[Kept]:
    """What the part's process prints."""
    module, *arguments = COMMANDS[part]
    command = [sys.executable, "-m", f"benchmarks.speed.{module}", *arguments]
    done = subprocess.run(
        [*command, "--trials", str(trials), "--seed", str(seed)], stdout=subprocess.PIPE, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--only", nargs="+", choices=tuple(TRIALS), default=list(TRIALS))
    found.add_argument("--trials", type=int, help="of each part, in place of their own numbers")
    found.add_argument("--seed", type=int, default=0)
    found.add_argument("--kept", type=Path, default=KEPT)
    return found


def main() -> None:
    options = parser().parse_args()
    known: Kept = json.loads(options.kept.read_text()) if options.kept.exists() else {}
    kept = {**known, "machine": machine("torch-rechub"), "data": "census-income"}
    for part in options.only:
        trials = options.trials or TRIALS[part]
        runs = TINY_RUNS if part == "tiny" else 1
        found = [line for run in range(runs) for line in lines(part, trials, options.seed + run)]
        kept[part] = found[0] if part == "search" else found  # one search, or its trials
        options.kept.parent.mkdir(exist_ok=True)
        options.kept.write_text(json.dumps(kept, indent=1) + "\n")
    console = Console(width=140)
    for table in search_tables(kept):
        console.print(table.rich())


if __name__ == "__main__":
    main()
