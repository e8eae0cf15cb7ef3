"""Does what is planted in synthetic-reasons show? A network a task against shared bottom and MMoE, on test rows.

    python -m benchmarks.reasons                         # seven tables, five seeds: some minutes on one core
    python -m benchmarks.reasons attention --seeds 2
    python -m benchmarks.reasons --draw 1                # the same plants in other random tables

Prints a table, and writes benchmarks/results/reasons.json (of all tables, as they are built in) with versions and
machine. Gains are paired by seed and test
row, over single_task (all networks stop at one pass, chosen by the mean of the tasks) and over each task trained alone
(which stops at its own best pass).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from mtl_nas.data.builtin.synthetic_reasons import REASONS
from mtl_nas.evaluation import Predictions, predict_and_score
from mtl_nas.scoring import Interval, SeedScore, paired_interval, seed_score

RESULTS = Path(__file__).parent / "results"
PLAN = mn.Training(epochs=30, batch_size=64, learning_rate=2e-3)
SIZES = {"hidden": (32, 16), "tower": (8,), "numbers": "standard"}
DESIGNS = {"single_task": {}, "shared_bottom": {}, "mmoe": {"experts": 4}}
COLUMNS = ("reason", "task", "single", "alone", "shared bottom", "over alone", "mmoe", "overfit", "claim", "shows")
CLAIMS = {  # what a shared bottom does to a family of tasks
    "augmentation": {"reading": "gains"},
    "attention": {"main": "gains", "helper": ""},
    "eavesdropping": {"hard": "gains", "easy": ""},
    "bias": {"new": "gains", "old": ""},
    "regularisation": {"site": "gains"},
    "negative-transfer": {"rare": "loses", "loud": ""},
    "seesaw": {"common": "gains", "rare": "loses"},
}


def trained(design: str, data: mn.Dataset, seeds: int) -> list[mn.Result]:
    what = mn.preset(design, data.schema, **SIZES, **DESIGNS[design])
    return [mn.evaluate(what, data, PLAN.model_copy(update={"seed": seed}), split="test") for seed in range(seeds)]


def planted(reason: str, draw: int, tasks: Sequence[str] = ()) -> mn.Dataset:
    """The built-in data set where draw is 0, another draw of it otherwise; with all tasks or some."""
    table, declaration = REASONS[reason]
    kinds = {name: {"kind": task.kind} for name, task in declaration.tasks.items()}
    wanted = {name: kind for name, kind in kinds.items() if not tasks or name in tasks}
    unused = [name for name in kinds if name not in wanted]
    return mn.load_dataset(table(seed=draw), wanted, split={"column": "split"}, ignore=unused)


def alone(reason: str, draw: int, seeds: int) -> list[Predictions]:
    """Each task from a data set that has no other."""
    found: list[Predictions] = [{} for _ in range(seeds)]
    for task in REASONS[reason][1].tasks:
        for seed, result in enumerate(trained("single_task", planted(reason, draw, [task]), seeds)):
            found[seed] |= result.predictions
    return found


def measured(reason: str, draw: int, seeds: int) -> list[dict[str, object]]:
    """One line a family of tasks: those whose names differ by a number."""
    data = planted(reason, draw)
    results = {design: trained(design, data, seeds) for design in DESIGNS}
    predictions = {design: [result.predictions for result in found] for design, found in results.items()}
    predictions["alone"] = alone(reason, draw, seeds)
    lines = []
    for family, claim in CLAIMS[reason].items():
        tasks = [task for task in data.schema.task_names if task.rstrip("0123456789") == family]
        scores = {design: _predict_and_scored(found, data, tasks) for design, found in predictions.items()}
        shared = paired_interval(scores["shared_bottom"], scores["single_task"])
        lines.append(
            {
                "reason": reason,
                "task": family if len(tasks) == 1 else f"{family} 1-{len(tasks)}",
                "claim": claim,
                "shows": _shows(claim, shared),
                **{f"{design} score": fmean(part.score for part in found) for design, found in scores.items()},
                "shared_bottom gain": _numbers(shared),
                "mmoe gain": _numbers(paired_interval(scores["mmoe"], scores["single_task"])),
                "shared_bottom gain over alone": _numbers(paired_interval(scores["shared_bottom"], scores["alone"])),
                **{f"{design} overfit": _overfit(found, data, tasks) for design, found in results.items()},
            }
        )
    return lines


def _predict_and_scored(predictions: Sequence[Predictions], data: mn.Dataset, tasks: Sequence[str]) -> list[SeedScore]:
    labels = data.rows("test").labels.astype(np.float64)
    found = [seed_score(seed, labels, data.schema, tasks) for seed in predictions]
    return [part for part in found if part is not None]


def _overfit(results: Sequence[mn.Result], data: mn.Dataset, tasks: Sequence[str]) -> float:
    """Mean score on train rows minus that on test rows."""
    gaps = []
    for result in results:
        _, train = predict_and_score(result.model.network, data.rows("train"), data.schema)
        for task in tasks:
            metric = data.schema.tasks[data.schema.task_names.index(task)].main_metric
            gaps.append(train[task][metric] - result.scores[task][metric])
    return fmean(gaps)


def _shows(claim: str, found: Interval) -> str:
    if not claim:
        return ""
    if found.tie:
        return "not shown"
    return "yes" if (found.difference > 0) == (claim == "gains") else "contrary"


def _numbers(found: Interval) -> tuple[float, float, float]:
    return found.difference, found.low, found.high


def _spelled(gain: tuple[float, float, float]) -> str:
    return f"{gain[0]:+.3f} \\[{gain[1]:+.3f}, {gain[2]:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reasons", nargs="*", metavar="REASON", help=", ".join(REASONS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--draw", type=int, default=0, help="seed of the tables")
    options = parser.parse_args()
    reasons = options.reasons or REASONS
    lines = [line for reason in reasons for line in measured(reason, options.draw, options.seeds)]
    table = Table(
        "reason", "task", "single", "alone", "shared bottom", "over alone", "mmoe", "overfit", "claim", "shows"
    )
    for line in lines:
        table.add_row(
            str(line["reason"]),
            str(line["task"]),
            f"{line['single_task score']:.3f}",
            f"{line['alone score']:.3f}",
            *(_spelled(line[gain]) for gain in ("shared_bottom gain", "shared_bottom gain over alone", "mmoe gain")),
            f"{line['single_task overfit']:.2f} > {line['shared_bottom overfit']:.2f}",
            str(line["claim"]),
            str(line["shows"]),
        )
    Console(width=190).print(table)
    if not options.reasons and not options.draw:
        RESULTS.mkdir(exist_ok=True)
        found = {"machine": machine(), "seeds": options.seeds, "lines": lines}
        (RESULTS / "reasons.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
