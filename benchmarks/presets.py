r"""Train every preset on real tables: the test score of each task over seeds, beside boosted trees.

    python -m benchmarks.presets kuairand census-income/group1 census-income/group2
    python -m benchmarks.presets synthetic-mmoe/1 synthetic-mmoe/0.5 synthetic-mmoe/0 \
        --seeds 20 --only shared_bottom mmoe

All presets have the same training; on synthetic-mmoe shared bottom and MMoE have the sizes of its paper. Trainings that
a results file holds are not repeated, so that the command resumes after an interruption. Prints a table per data set,
and writes benchmarks/results/presets-<data set>.json with versions and machine.
"""

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.kuairand import kuairand
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.presets import compatible_presets
from mtl_nas.trees import LIBRARIES, boosted_trees

TREES = "boosted trees"
TRAINING = {**PLAIN, "epochs": 3, "learning_rate": 3e-3, "schedule": "linear", "weight_decay": 0.3}
SYNTHETIC_TRAINING = {**PLAIN, "learning_rate": 3e-3, "schedule": "linear"}  # epochs follow from the size of the table
SYNTHETIC_SIZES = {  # as in the MMoE paper: 13,108 and 13,056 weights, without gates
    "shared_bottom": {"hidden": (113,), "tower": (8,), "numbers": "standard"},
    "mmoe": {"experts": 8, "hidden": (16,), "tower": (8,), "numbers": "standard"},
}


@cache
def dataset(name: str) -> mn.Dataset:
    """Load a built-in data set, or KuaiRand-Pure with its funnel or its four kinds of feedback."""
    tasks = name.partition("/")[2] or "funnel"
    return kuairand(tasks).dataset() if name.startswith("kuairand") else mn.load_dataset(name)


def train(name: str, preset: str, seed: int) -> dict[str, Any]:
    """Train once, and return the main score of each task on the test rows, the seconds and the parameters."""
    data = dataset(name)
    if preset == TREES:
        by_task = boosted_trees(data, LIBRARIES[0], seed=seed).scores
        return {"scores": {task.name: by_task[task.name][task.main_metric] for task in data.schema.tasks}}
    synthetic = name.startswith("synthetic-mmoe")
    design = mn.preset(preset, data.schema, **(SYNTHETIC_SIZES.get(preset, {}) if synthetic else {}))
    training = mn.Training(**(SYNTHETIC_TRAINING if synthetic else TRAINING), seed=seed)
    result = mn.evaluate(design, data, training, split="test")
    scores = {task.name: result.scores[task.name][task.main_metric] for task in data.schema.tasks}
    return {"scores": scores, "seconds": round(result.seconds, 1), "parameters": result.parameters}


def missing(trained: dict[str, Any], presets: list[str], seeds: int) -> Iterator[tuple[str, int]]:
    """Yield presets and seeds that are not trained, seed by seed, so that slow presets do not queue up."""
    for seed in range(seeds):
        for preset in presets:
            is_repeated_tree = preset == TREES and seed > 0  # trees are trained once
            if not is_repeated_tree and str(seed) not in trained.get(preset, {}):
                yield preset, seed


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Train on a data set what its results file lacks, save after each training, and return the results."""
    path = RESULTS / f"presets-{name.replace('/', '-')}.json"
    results = load(path, {"trained": {}})
    designs, reasons = compatible_presets(dataset(name).schema)
    presets = [preset for preset in (TREES, *designs) if not options.only or preset in options.only]
    results |= {
        "data": name,
        "training": SYNTHETIC_TRAINING if name.startswith("synthetic-mmoe") else TRAINING,
        "reasons": reasons,
        "machine": machine(),
    }
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [
            (preset, seed, pool.submit(train, name, preset, seed))
            for preset, seed in missing(results["trained"], presets, options.seeds)
        ]
        for preset, seed, job in jobs:
            results["trained"].setdefault(preset, {})[str(seed)] = job.result()
            save(path, results)
    return results


def score_table(results: dict[str, Any], metrics: dict[str, str]) -> Table:
    """Return a table with a row per preset: mean and standard deviation over the seeds."""
    table = Table(title=f"{results['data']}: test rows, mean and standard deviation over seeds")
    for column in ("design", *(f"{task} {metric}" for task, metric in metrics.items()), "seeds", "s", "parameters"):
        table.add_column(column, justify="left" if column == "design" else "right")
    for preset, runs in results["trained"].items():
        scores = [[run["scores"][task] for run in runs.values()] for task in metrics]
        seconds = [run["seconds"] for run in runs.values() if "seconds" in run]
        parameters = next(iter(runs.values())).get("parameters")
        table.add_row(
            preset,
            *(
                f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")
                for values in scores
            ),
            str(len(runs)),
            f"{np.median(seconds):.0f}" if seconds else "",
            f"{parameters:,}" if parameters else "",
        )
    for preset, reason in results["reasons"].items():
        table.add_row(preset, "n/a", *[""] * (len(metrics) - 1), "", "", reason)
    return table


def markdown(table: Table) -> str:
    """Return a table for a Markdown page."""
    rows = [[str(column.header) for column in table.columns], ["---"] * len(table.columns)]
    rows += [list(cells) for cells in zip(*(list(column.cells) for column in table.columns), strict=True)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def paired_difference(results: dict[str, Any], preset: str, other: str) -> str:
    """Return the mean difference of two presets over paired seeds with its standard error, as text."""
    trained = results["trained"]
    pairs = [(trained[preset][seed], trained[other][seed]) for seed in trained.get(preset, {})]
    differences = np.array([np.mean([a["scores"][task] - b["scores"][task] for task in a["scores"]]) for a, b in pairs])
    mean, error = differences.mean(), differences.std(ddof=1) / np.sqrt(len(differences))
    statistics = f"standard error {error:.5f}, t = {mean / error:+.1f}, n = {len(differences)}"
    return f"{preset} - {other}: {mean:+.5f}, {statistics}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="kuairand, kuairand/feedback, or a built-in data set")
    parser.add_argument("--seeds", type=int, default=5, help="trainings per preset")
    parser.add_argument("--only", nargs="*", metavar="PRESET", help="train these presets; of two print the difference")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    for name in options.data:
        results = measure(name, options)
        table = score_table(results, {task.name: task.main_metric for task in dataset(name).schema.tasks})
        if options.markdown:
            print(markdown(table))
        else:
            Console(width=140).print(table)
        if options.only and len(options.only) == 2 and options.seeds > 1:
            print(paired_difference(results, options.only[1], options.only[0]))


if __name__ == "__main__":
    main()
