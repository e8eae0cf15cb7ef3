"""Measure how long reading takes, and its memory, beside an older version of the package.

    git worktree add ../before 3a39a5a
    python -m benchmarks.reading --before ../before            # 10^6 rows x 40 columns, 3 rounds
    python -m benchmarks.reading --rows 1e5 --folder /big

CSV and Parquet are loaded and encoded in fresh processes that alternate between the versions, so that both share what
else the machine does. Ratios are those of neighbours, by the clock and by processor seconds.
Writes benchmarks/results/reading.json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.reading.table import write_tables
from benchmarks.result_files import RESULTS, save
from benchmarks.speed.alternating import paired_ratio

ROOT = Path(__file__).parents[2]
FIGURES = ("seconds", "processor_seconds", "peak_gib")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of the version to compare with")
    parser.add_argument("--rows", type=lambda text: int(float(text)), default=10**6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="folder of the tables, which stay; by default a temporary one")
    options = parser.parse_args()
    sides = {"now": ROOT} | ({"before": options.before.absolute()} if options.before else {})
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        write_tables(folder, options.rows)
        measured = {
            f"{action} {suffix}": rounds(sides, action, folder / f"table.{suffix}", options.rounds)
            for action in ("load", "encode")
            for suffix in ("csv", "parquet")
        }
    save(RESULTS / "reading.json", {"machine": machine("pyarrow"), "rows": options.rows, "measured": measured})


def rounds(sides: dict[str, Path], action: str, table: Path, count: int) -> dict[str, Any]:
    """The figures of every round by side, and the ratios of now to before: lowest, median, highest."""
    figures: dict[str, dict[str, list[float]]] = {side: defaultdict(list) for side in sides}
    for _ in range(count):
        for side, checkout in sides.items():
            once = measure(checkout, action, table)
            print(action, table.name, side, once, flush=True)
            for name in FIGURES:
                figures[side][name].append(once[name])
    ratios = {}
    if "before" in figures:
        ratios = {name: str(paired_ratio(figures["now"][name], figures["before"][name])) for name in FIGURES}
        print(action, table.name, "now / before", ratios, flush=True)
    return {**figures, "now / before": ratios}


def measure(checkout: Path, action: str, table: Path) -> dict[str, Any]:
    """Read once in a process of its own, with the package of a checkout."""
    command = [sys.executable, str(Path(__file__).with_name("measure_once.py")), action, str(table.absolute())]
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    process = subprocess.run(command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    once: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return once


if __name__ == "__main__":
    main()
