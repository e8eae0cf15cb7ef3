"""Test whether the effects planted in synthetic-reasons show: one network per task against shared bottom and MMoE.

    python -m benchmarks.reasons                         # seven tables, five seeds: some minutes on one core
    python -m benchmarks.reasons attention --seeds 2
    python -m benchmarks.reasons --draw 1                # the same effects in other random tables

Scores are those of test rows; gains are paired by seed and test row. Gains are over single_task, whose networks
stop at one common epoch, chosen by the mean over tasks, and over each task trained alone, which stops at its own best
epoch. Prints a table; without REASON and --draw it also writes benchmarks/results/reasons.json with the versions and
the machine.
"""

import argparse
from collections.abc import Sequence
from statistics import fmean

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.result_files import RESULTS, save
from mtl_nas.data.builtin.synthetic_reasons import REASONS
from mtl_nas.evaluation import Predictions, predict_and_score
from mtl_nas.scoring import Interval, SeedScore, paired_interval, seed_score

TRAINING = mn.Training(**PLAIN, epochs=30, batch_size=64, learning_rate=2e-3)
SIZES = {"hidden": (32, 16), "tower": (8,), "numbers": "standard"}
PRESETS = {"single_task": {}, "shared_bottom": {}, "mmoe": {"experts": 4}}  # with their options
COLUMNS = ("reason", "task", "single", "alone", "shared bottom", "over alone", "mmoe", "overfit", "claim", "shows")
CLAIMS = {  # reason -> family of tasks -> the effect of a shared bottom on it
    "augmentation": {"reading": "gains"},
    "attention": {"main": "gains", "helper": ""},
    "eavesdropping": {"hard": "gains", "easy": ""},
    "bias": {"new": "gains", "old": ""},
    "regularisation": {"site": "gains"},
    "negative-transfer": {"rare": "loses", "loud": ""},
    "seesaw": {"common": "gains", "rare": "loses"},
}


def train_on_seeds(preset: str, data: mn.Dataset, seeds: int) -> list[mn.Result]:
    """Train a preset on several seeds, scored on the test rows."""
    design = mn.preset(preset, data.schema, **SIZES, **PRESETS[preset])
    return [
        mn.evaluate(design, data, TRAINING.model_copy(update={"seed": seed}), split="test") for seed in range(seeds)
    ]


def dataset(reason: str, draw: int, tasks: Sequence[str] = ()) -> mn.Dataset:
    """Load the table of a reason with some of its tasks, all by default; ``draw`` 0 is the built-in table."""
    table, declaration = REASONS[reason]
    kinds = {name: {"kind": task.kind} for name, task in declaration.tasks.items()}
    used = {name: kind for name, kind in kinds.items() if not tasks or name in tasks}
    unused = [name for name in kinds if name not in used]
    return mn.load_dataset(table(seed=draw), used, split={"column": "split", "stratified": False}, ignore=unused)


def predictions_alone(reason: str, draw: int, seeds: int) -> list[Predictions]:
    """Train each task on a data set without the others, and return the predictions of all tasks by seed."""
    predictions: list[Predictions] = [{} for _ in range(seeds)]
    for task in REASONS[reason][1].tasks:
        for seed, result in enumerate(train_on_seeds("single_task", dataset(reason, draw, [task]), seeds)):
            predictions[seed] |= result.predictions
    return predictions


def measure(reason: str, draw: int, seeds: int) -> list[dict[str, object]]:
    """Return a line per family of tasks; tasks of a family have names that differ by a number."""
    data = dataset(reason, draw)
    results = {preset: train_on_seeds(preset, data, seeds) for preset in PRESETS}
    predictions = {preset: [result.predictions for result in of_seeds] for preset, of_seeds in results.items()}
    predictions["alone"] = predictions_alone(reason, draw, seeds)
    lines = []
    for family, claim in CLAIMS[reason].items():
        tasks = [task for task in data.schema.task_names if task.rstrip("0123456789") == family]
        scores = {side: _seed_scores(of_seeds, data, tasks) for side, of_seeds in predictions.items()}
        shared_gain = paired_interval(scores["shared_bottom"], scores["single_task"])
        mmoe_gain = paired_interval(scores["mmoe"], scores["single_task"])
        gain_over_alone = paired_interval(scores["shared_bottom"], scores["alone"])
        lines.append(
            {
                "reason": reason,
                "task": family if len(tasks) == 1 else f"{family} 1-{len(tasks)}",
                "claim": claim,
                "shows": _verdict(claim, shared_gain),
                **{f"{side} score": fmean(seed.score for seed in of_seeds) for side, of_seeds in scores.items()},
                "shared_bottom gain": _as_tuple(shared_gain),
                "mmoe gain": _as_tuple(mmoe_gain),
                "shared_bottom gain over alone": _as_tuple(gain_over_alone),
                **{f"{preset} overfit": _overfit(of_seeds, data, tasks) for preset, of_seeds in results.items()},
            }
        )
    return lines


def _seed_scores(predictions: Sequence[Predictions], data: mn.Dataset, tasks: Sequence[str]) -> list[SeedScore]:
    labels = data.rows("test").labels.astype(np.float64)
    scores = [seed_score(seed, labels, data.schema, tasks) for seed in predictions]
    return [score for score in scores if score is not None]


def _overfit(results: Sequence[mn.Result], data: mn.Dataset, tasks: Sequence[str]) -> float:
    """Mean score on train rows minus that on test rows."""
    gaps = []
    for result in results:
        _, train = predict_and_score(result.model.network, data.rows("train"), data.schema)
        for task in tasks:
            metric = data.schema.tasks[data.schema.task_names.index(task)].main_metric
            gaps.append(train[task][metric] - result.scores[task][metric])
    return fmean(gaps)


def _verdict(claim: str, gain: Interval) -> str:
    if not claim:
        return ""
    if gain.tie:
        return "not shown"
    return "yes" if (gain.difference > 0) == (claim == "gains") else "contrary"


def _as_tuple(interval: Interval) -> tuple[float, float, float]:
    return interval.difference, interval.low, interval.high


def _as_text(gain: tuple[float, float, float]) -> str:
    return f"{gain[0]:+.3f} \\[{gain[1]:+.3f}, {gain[2]:+.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reasons", nargs="*", metavar="REASON", help=f"{', '.join(REASONS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each design")
    parser.add_argument("--draw", type=int, default=0, help="seed of the tables; 0 is that of the built-in ones")
    options = parser.parse_args()
    reasons = options.reasons or REASONS
    lines = [line for reason in reasons for line in measure(reason, options.draw, options.seeds)]
    table = Table(*COLUMNS)
    for line in lines:
        table.add_row(
            str(line["reason"]),
            str(line["task"]),
            f"{line['single_task score']:.3f}",
            f"{line['alone score']:.3f}",
            *(_as_text(line[gain]) for gain in ("shared_bottom gain", "shared_bottom gain over alone", "mmoe gain")),
            f"{line['single_task overfit']:.2f} > {line['shared_bottom overfit']:.2f}",
            str(line["claim"]),
            str(line["shows"]),
        )
    Console(width=190).print(table)
    if not options.reasons and not options.draw:
        results = {"machine": machine(), "seeds": options.seeds, "lines": lines}
        save(RESULTS / "reasons.json", results)


if __name__ == "__main__":
    main()
