"""Encodings of numbers on real tables: one design, each encoding, several seeds.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.encodings mulan-wq student-por --seeds 3

The preset ``shared_bottom`` in its own sizes, learning rate 1e-3 that falls along a cosine, weight decay 1e-2, the best
check on validation rows; the mean over tasks of the main metric on test rows. The tables are those of
``benchmarks.protocol.tables``. Saves after each training in benchmarks/results/encodings.json, and goes on from there;
writes the table into docs/results/encodings.md.
"""

import argparse
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.protocol.tables import TABLES, table
from benchmarks.result_files import RESULTS, load, save

FILE = RESULTS / "encodings.json"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "encodings.md"
MARKS = ("<!-- results -->", "<!-- end of results -->")
ENCODINGS: dict[str, Any] = {
    "bucket": "bucket",
    "auto": "auto",
    "histogram": "histogram",
    "histogram + robust": ["histogram", "robust"],
    "periodic": "periodic",
    "piecewise": "piecewise",
    "quantile": "quantile",
    "target": "target",
    "robust": "robust",
    "standard": "standard",
    "periodic + robust": ["periodic", "robust"],
    "target + robust": ["target", "robust"],
}
EPOCHS = {"adult": 8, "bike-sharing": 20, "gas-turbine": 20, "online-shoppers": 20, "diabetes130": 5}
MOST_EPOCHS = 40  # of the other tables, which are small


def measure(name: str, encodings: list[str], seeds: int, results: dict[str, Any]) -> None:
    """Train what the results of a table lack, seed by seed."""
    data = table(name)
    scores = results.setdefault("tables", {}).setdefault(name, {})
    for seed in range(seeds):
        for encoding in encodings:
            by_seed = scores.setdefault(encoding, {})
            if str(seed) in by_seed:
                continue
            design = mn.preset("shared_bottom", data.schema, numbers=ENCODINGS[encoding])
            training = mn.Training(
                **{**PLAIN, "epochs": EPOCHS.get(name, MOST_EPOCHS)},
                learning_rate=1e-3,
                schedule="cosine",
                weight_decay=1e-2,
                seed=seed,
            )
            by_seed[str(seed)] = round(mn.evaluate(design, data, training, split="test").score, 5)
            save(FILE, {**results, "machine": machine()})
            print(f"{name} {encoding} {seed}: {by_seed[str(seed)]:.4f}", flush=True)


def report(results: dict[str, Any]) -> str:
    """Markdown: tables down, encodings across, mean and standard deviation over seeds."""
    tables = results["tables"]
    encodings = [name for name in ENCODINGS if any(name in scores for scores in tables.values())]
    rows = [f"| table | {' | '.join(encodings)} |", "|---" * (len(encodings) + 1) + "|"]
    for name, scores in tables.items():
        cells = [_cell(list(scores[encoding].values())) if scores.get(encoding) else "" for encoding in encodings]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(scores: list[float]) -> str:
    return f"{fmean(scores):.4f}" + (f" ± {stdev(scores):.4f}" if len(scores) > 1 else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="*", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--encodings", nargs="+", default=list(ENCODINGS), choices=list(ENCODINGS))
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    results = load(FILE, {})
    for name in arguments.tables:
        measure(name, arguments.encodings, arguments.seeds, results)
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{report(results)}\n\n{MARKS[1]}{after}", encoding="utf-8")
    print(report(results))


if __name__ == "__main__":
    main()
