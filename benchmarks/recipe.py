r"""Train one design with one piece of the training changed at a time: what each piece moves on the test rows.

    python -m benchmarks.recipe student-por energy-efficiency --seeds 2
    python -m benchmarks.recipe --report

The design is ``shared_bottom`` with numbers ``piecewise``. Every piece is added to the base training alone. A training
is read at the check that was best on the tuning rows. Trainings that the results file holds are not repeated, so that
the command resumes after an interruption. It writes benchmarks/results/recipe.json; the report writes the table of
docs/results/training.md, also of pieces that were measured and then taken out of the package.
"""

import argparse
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import torch

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.protocol.tables import TABLES, table
from benchmarks.result_files import RESULTS, load, save

OUTPUT = RESULTS / "recipe.json"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "training.md"
MARKS = ("<!-- results -->", "<!-- end of results -->")
EPOCHS = {"adult": 4, "bike-sharing": 8, "online-shoppers": 8, "diabetes130": 3, "gas-turbine": 8}  # 20 on others
SMALL_EPOCHS = 20
BASE = {**PLAIN, "learning_rate": 2e-3, "schedule": "cosine"}
PIECES: Mapping[str, Mapping[str, Any]] = {
    "base: rate 2e-3, cosine": {},
    "rate 1e-3, constant": {"learning_rate": 1e-3, "schedule": "constant"},
    "average .8": {"average": 0.8},
    "average .8, constant": {"average": 0.8, "schedule": "constant"},
    "weight decay 1": {"weight_decay": 1.0},
    "dropout .2": {"dropout": 0.2},
    "learned scales": {"scale": True},
}


def train(data: mn.Dataset, piece: str, epochs: float, seed: int) -> dict[str, Any]:
    """Train once; return the mean main metric on the test rows, that of each task, and the processor seconds."""
    changes = dict(PIECES[piece])
    dropout, scale = changes.pop("dropout", 0.0), changes.pop("scale", False)
    design = mn.preset("shared_bottom", data.schema, numbers="piecewise", scale=scale)
    levels = [
        level.model_copy(update={"expert": level.expert.model_copy(update={"dropout": dropout})})
        for level in design.levels
    ]
    training = mn.Training.model_validate({**BASE, **changes, "epochs": epochs, "seed": seed})
    start = time.process_time()
    result = mn.evaluate(design.model_copy(update={"levels": tuple(levels)}), data, training, split="test")
    return {
        "score": result.score,
        "scores": {task.name: result.scores[task.name][task.main_metric] for task in data.schema.tasks},
        "seconds": round(time.process_time() - start, 2),
        "best": max(result.checks, key=lambda check: check.score).step / result.checks[-1].step,
    }


def measure(name: str, seeds: int, results: dict[str, Any]) -> None:
    """Train what the results of a table lack, seed by seed, and save after each training."""
    data, epochs = table(name), EPOCHS.get(name, SMALL_EPOCHS)
    of_table = results["tables"].setdefault(name, {"epochs": epochs, "rows": len(data.rows("train")), "trained": {}})
    for seed in map(str, range(seeds)):
        for piece in PIECES:
            trained = of_table["trained"].setdefault(piece, {})
            if seed not in trained:
                trained[seed] = train(data, piece, of_table["epochs"], int(seed))
                save(OUTPUT, results)
                print(f"{name}, {piece}, seed {seed}: {trained[seed]['score']:.4f}", flush=True)


def report(results: Mapping[str, Any]) -> str:
    """Return a Markdown table: the base's test score, and the difference that each piece makes, paired by seed."""
    tables = results["tables"]
    base, *others = dict.fromkeys(piece for of in tables.values() for piece in of["trained"])
    names = [f"{name} ({of['epochs']} epochs)" for name, of in tables.items()]
    lines = [
        f"| | {' | '.join(names)} | mean | better on |",
        f"|---|{'---|' * (len(tables) + 2)}",
    ]
    scores = {name: [run["score"] for run in of["trained"][base].values()] for name, of in tables.items()}
    spread = [f"{fmean(values):.4f} ± {stdev(values):.4f}" for values in scores.values()]
    lines.append(f"| {base} | {' | '.join(spread)} | {fmean(map(fmean, scores.values())):.4f} | |")
    for piece in others:
        means = []
        for of in tables.values():
            runs, bases = of["trained"].get(piece, {}), of["trained"][base]
            means.append(fmean(run["score"] - bases[seed]["score"] for seed, run in runs.items()) if runs else None)
        measured = [mean for mean in means if mean is not None]
        cells = ["" if mean is None else f"{mean:+.4f}" for mean in means]
        better = f"{sum(mean > 0 for mean in measured)} of {len(measured)}"
        lines.append(f"| {piece} | {' | '.join(cells)} | {fmean(measured):+.4f} | {better} |")
    return "\n".join(lines)


def write_page(results: Mapping[str, Any]) -> None:
    """Write the table between the marks of the page."""
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    PAGE.write_text(f"{before}{MARKS[0]}\n\n{report(results)}\n\n{MARKS[1]}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}")
    parser.add_argument("--seeds", type=int, default=3, help="trainings per table and piece")
    parser.add_argument("--report", action="store_true", help="write the page from the results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = load(OUTPUT, {"tables": {}})
    results["machine"] = machine()
    for name in options.tables:
        measure(name, options.seeds, results)
    if options.report:
        write_page(results)
    print(report(results))


if __name__ == "__main__":
    main()
