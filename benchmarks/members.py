"""Networks in one (TabM) against one network: test scores and processor time by number and form of members.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.members --tables mulan-emotions energy-efficiency --seeds 3
    python -m benchmarks.members --report                 # the tables of docs/results/members.md

Each variant is trained from each seed at a learning rate of 2e-3 with patience; the score is the mean over tasks of the
main metric on test rows. ``mean of seeds`` averages the predictions of the networks that the seeds gave. Results are
saved after every training in benchmarks/results/members.json, and what is there is not trained again.
"""

import argparse
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.tables import TABLES, table
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.scoring import mean_score, score_tasks

FILE = RESULTS / "members.json"
EPOCHS = {"adult": 12, "online-shoppers": 24}
SMALL_EPOCHS = 60  # of tables with some hundred rows
DESIGNS: dict[str, tuple[str, dict[str, Any]]] = {
    "shared_bottom": ("shared_bottom", {}),
    "shared_bottom, auto": ("shared_bottom", {"numbers": "auto"}),
    "mmoe": ("mmoe", {"experts": 4, "hidden": (128, 64), "tower": (32,)}),
}
VARIANTS: dict[str, dict[str, Any]] = {
    "1": {"count": 1},
    "8": {"count": 8},
    "8 mini": {"count": 8, "form": "mini"},
    "16": {"count": 16},
    "16 mini": {"count": 16, "form": "mini"},
}
Predictions = dict[str, NDArray[np.float64]]


def trained(data: mn.Dataset, name: str, design: str, variant: str, seed: int) -> tuple[dict[str, Any], Predictions]:
    """The result of one training, and its predictions for the test rows."""
    preset, sizes = DESIGNS[design]
    made = mn.preset(preset, data.schema, **sizes, members=VARIANTS[variant])
    training = mn.Training(
        epochs=EPOCHS.get(name, SMALL_EPOCHS),
        patience=6 if name in EPOCHS else 15,
        batch_size=256 if name in EPOCHS else 64,
        learning_rate=2e-3,
        schedule="cosine",
        average=0.0,
        seed=seed,
    )
    start = time.process_time()
    result = mn.evaluate(made, data, training, split="test")
    graph = result.model.architecture
    row = {
        "score": result.score,
        "cpu_seconds": round(time.process_time() - start, 1),
        "epochs": round(result.rows / len(data.rows("train")), 1),
        "parameters": graph.parameters,
        "macs": graph.macs,
    }
    return row, result.predictions


def measure(name: str, design: str, seeds: int, variants: list[str]) -> None:
    data = table(name)
    for variant in variants:
        key, predictions = f"{name} {design} {variant}", []
        rows = load(FILE, {}).get(key, {})
        if len([seed for seed in rows if seed.isdigit()]) >= seeds:
            continue
        for seed in range(seeds):
            rows[str(seed)], predicted = trained(data, name, design, variant, seed)
            predictions.append(predicted)
            print(f"{key} seed {seed}: {rows[str(seed)]}", flush=True)
        mean = {task: np.mean([each[task] for each in predictions], axis=0) for task in predictions[0]}
        rows["mean of seeds"] = mean_score(score_tasks(mean, data.rows("test"), data.schema), data.schema)
        save(FILE, load(FILE, {}) | {key: rows, "machine": machine()})


def report() -> str:
    """A Markdown table per design: mean test score over seeds, that of the seeds' mean prediction, processor time."""
    results, lines = load(FILE), []
    for design in DESIGNS:
        measured = [
            (name, variant) for variant in VARIANTS for name in TABLES if f"{name} {design} {variant}" in results
        ]
        names = [name for name in TABLES if name in dict(measured)]
        if not names:
            continue
        lines += [f"### {design}", "", "| members | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
        for variant in dict.fromkeys(variant for _, variant in measured):
            cells = [_cell(results.get(f"{name} {design} {variant}", {})) for name in names]
            lines.append(f"| {variant} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(rows: dict[str, Any]) -> str:
    each = [row for seed, row in rows.items() if seed.isdigit()]
    if not each:
        return ""
    scores, seconds = ([row[name] for row in each] for name in ("score", "cpu_seconds"))
    spread = f" ± {np.std(scores, ddof=1):.4f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.4f}{spread} ({rows['mean of seeds']:.4f}), {np.mean(seconds):.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=[])
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, default=["shared_bottom"])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="print the tables of saved results")
    arguments = parser.parse_args()
    for name in arguments.tables:
        for design in arguments.designs:
            measure(name, design, arguments.seeds, arguments.variants)
    if arguments.report:
        print(report())


if __name__ == "__main__":
    main()
