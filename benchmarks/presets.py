r"""Every preset on real tables: the test score of each task over seeds, boosted trees beside it.

    python -m benchmarks.presets kuairand census-income/group1 census-income/group2
    python -m benchmarks.presets synthetic-mmoe/1 synthetic-mmoe/0.5 synthetic-mmoe/0 \
        --seeds 20 --only shared_bottom mmoe

Trainings that a results file already holds are not repeated, so an interrupted command goes on. Prints a table a data
set and writes benchmarks/results/presets-<data set>.json with versions and machine. The same training for all;
of synthetic-mmoe shared bottom and MMoE in the sizes of its paper.
"""

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.kuairand import kuairand
from benchmarks.machine import machine
from benchmarks.trees import tree_scores
from mtl_nas.presets import compatible_presets

RESULTS = Path(__file__).parent / "results"
TRAINING = {"epochs": 3, "learning_rate": 3e-3, "schedule": "linear", "weight_decay": 0.3}
PLANTED = {"learning_rate": 3e-3, "schedule": "linear"}  # of synthetic-mmoe: as many passes as its size asks for
MATCHED = {  # as in the MMoE paper: 13,108 and 13,056 weights, gates not counted
    "shared_bottom": {"hidden": (113,), "tower": (8,), "numbers": "standard"},
    "mmoe": {"experts": 8, "hidden": (16,), "tower": (8,), "numbers": "standard"},
}


@cache
def dataset(name: str) -> mn.Dataset:
    """A built-in data set, or KuaiRand-Pure with its funnel or its four kinds of feedback."""
    kind = name.partition("/")[2] or "funnel"
    return kuairand(kind).dataset() if name.startswith("kuairand") else mn.load_dataset(name)


def measured(name: str, preset: str, seed: int) -> dict[str, Any]:
    """One training: the main score of each task on the test rows, and what it cost."""
    data = dataset(name)
    if preset == "boosted trees":
        found = tree_scores(data, seed=seed)
        return {"scores": {task.name: found[task.name][task.main_metric] for task in data.schema.tasks}}
    planted = name.startswith("synthetic-mmoe")
    design = mn.preset(preset, data.schema, **(MATCHED.get(preset, {}) if planted else {}))
    training = mn.Training(**(PLANTED if planted else TRAINING), seed=seed)
    result = mn.evaluate(design, data, training, split="test")
    scores = {task.name: result.scores[task.name][task.main_metric] for task in data.schema.tasks}
    return {"scores": scores, "seconds": round(result.seconds, 1), "parameters": result.parameters}


def missing(kept: dict[str, Any], presets: list[str], seeds: int) -> Iterator[tuple[str, int]]:
    """What is still to be trained, the slow ones spread over the seeds."""
    for seed in range(seeds):
        for preset in presets:
            once = preset == "boosted trees" and seed > 0
            if not once and str(seed) not in kept.get(preset, {}):
                yield preset, seed


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """All trainings of a data set, kept after each."""
    path = RESULTS / f"presets-{name.replace('/', '-')}.json"
    kept = json.loads(path.read_text()) if path.exists() else {"trained": {}}
    designs, reasons = compatible_presets(dataset(name).schema)
    presets = [preset for preset in ("boosted trees", *designs) if not options.only or preset in options.only]
    kept |= {
        "data": name,
        "training": PLANTED if name.startswith("synthetic-mmoe") else TRAINING,
        "reasons": reasons,
        "machine": machine(),
    }
    work = list(missing(kept["trained"], presets, options.seeds))
    with ProcessPoolExecutor(options.workers) as pool:
        jobs = [(preset, seed, pool.submit(measured, name, preset, seed)) for preset, seed in work]
        for preset, seed, job in jobs:
            kept["trained"].setdefault(preset, {})[str(seed)] = job.result()
            path.write_text(json.dumps(kept, indent=1) + "\n")
    return kept


def table(kept: dict[str, Any], metrics: dict[str, str]) -> Table:
    """A row a preset: mean and deviation over the seeds."""
    found = Table(title=f"{kept['data']}: test rows, mean and deviation over seeds")
    for column in ("design", *(f"{task} {metric}" for task, metric in metrics.items()), "seeds", "s", "parameters"):
        found.add_column(column, justify="left" if column == "design" else "right")
    for preset, runs in kept["trained"].items():
        scores = [[run["scores"][task] for run in runs.values()] for task in metrics]
        seconds = [run["seconds"] for run in runs.values() if "seconds" in run]
        count = next(iter(runs.values())).get("parameters")
        found.add_row(
            preset,
            *(
                f"{np.mean(values):.4f}" + (f" ± {np.std(values, ddof=1):.4f}" if len(values) > 1 else "")
                for values in scores
            ),
            str(len(runs)),
            f"{np.median(seconds):.0f}" if seconds else "",
            f"{count:,}" if count else "",
        )
    for preset, reason in kept["reasons"].items():
        found.add_row(preset, "n/a", *[""] * (len(metrics) - 1), "", "", reason)
    return found


def markdown(kept: dict[str, Any], metrics: dict[str, str]) -> str:
    """The table as a page shows it."""
    found = table(kept, metrics)
    rows = [[str(column.header) for column in found.columns], ["---"] * len(found.columns)]
    rows += [list(cells) for cells in zip(*(list(column.cells) for column in found.columns), strict=True)]
    return "\n".join(f"| {' | '.join(map(str, row))} |" for row in rows)


def paired(kept: dict[str, Any], one: str, other: str) -> str:
    """The mean difference of two presets over paired seeds, with its standard error; positive: ``one`` leads."""
    both = [(kept["trained"][one][seed], kept["trained"][other][seed]) for seed in kept["trained"].get(one, {})]
    gaps = np.array([np.mean([a["scores"][t] - b["scores"][t] for t in a["scores"]]) for a, b in both])
    error = gaps.std(ddof=1) / np.sqrt(len(gaps))
    ratio = f"t = {gaps.mean() / error:+.1f}, n = {len(gaps)}"
    return f"{one} - {other}: {gaps.mean():+.5f}, standard error {error:.5f}, {ratio}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="kuairand, kuairand/feedback, or a built-in data set")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="these presets alone")
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for name in options.data:
        kept = measure(name, options)
        metrics = {task.name: task.main_metric for task in dataset(name).schema.tasks}
        if options.markdown:
            print(markdown(kept, metrics))
        else:
            Console(width=140).print(table(kept, metrics))
        if options.only and len(options.only) == 2 and options.seeds > 1:
            print(paired(kept, options.only[1], options.only[0]))


if __name__ == "__main__":
    main()
