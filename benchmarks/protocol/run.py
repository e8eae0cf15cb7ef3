"""Equal work for the search, for tuned presets and for random draws, on seven tables.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.protocol.run                  # all: some hours on two cores
    python -m benchmarks.protocol.run adult gas-turbine --seeds 1

docs/results/protocol.md says what is compared and why. Every search has its folder under runs/protocol/, so an
interrupted command goes on. What each ended with is kept in benchmarks/results/protocol.json, and the report printed;
``python -m benchmarks.protocol.report`` writes it into docs/results/protocol.md.
"""

import argparse
import json
from pathlib import Path
from statistics import fmean
from typing import Any

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.methods import METHODS, PASSES, SEEDS, pilot, run
from benchmarks.protocol.report import report
from benchmarks.protocol.tables import TABLES, table
from benchmarks.trees import tree_scores
from mtl_nas.study import Resources

KEPT = Path(__file__).parents[1] / "results" / "protocol.json"
RUNS = Path("runs/protocol")
NOISE_TRAININGS = 10
Kept = dict[str, Any]


def found(done: mn.Run, data: mn.Dataset) -> Kept:
    """What a run ended with: test scores of its best by task, and how it came there."""
    best = done.best()
    return {
        "scores": _by_task(list(best.tested.values()), data),
        "best": best.name,
        "parameters": best.proposed.parameters,
        "training": best.proposal.training.model_dump(mode="json", exclude_defaults=True),
        "work": round(done.standing.rows / (PASSES * len(data.rows("train"))), 2),
        "trials": len(done.standing.trained),
        "limits": done.request.settings.limits,
        "finalists": {trial.name: _by_task(list(trial.tested.values()), data) for trial in done.finalists()},
    }


def noise(data: mn.Dataset) -> list[dict[str, float]]:
    """Test scores of MMoE, trained again and again on other seeds."""
    training = {"epochs": PASSES, "learning_rate": 3e-3, "schedule": "linear"}
    design = mn.preset("mmoe", data.schema)
    results = [
        mn.evaluate(design, data, mn.Training(**training, seed=seed), split="test") for seed in range(NOISE_TRAININGS)
    ]
    return [_by_task([result.scores], data) for result in results]


def _by_task(scores: list[Any], data: mn.Dataset) -> dict[str, float]:
    """The mean over seeds of each task's main score."""
    return {task.name: fmean(one[task.name][task.main_metric] for one in scores) for task in data.schema.tasks}


def measure(name: str, seeds: int, kept: Kept, resources: Resources) -> None:
    """All that is missing of one table, kept after each."""
    data = table(name)
    here = kept["tables"].setdefault(name, {"found": {method: {} for method in METHODS}})
    here["metrics"] = {task.name: task.main_metric for task in data.schema.tasks}
    here["rows"] = {split: len(data.rows(split)) for split in ("train", "validation", "test")}
    if "noise" not in here:
        here["noise"] = noise(data)
        here["trees"] = {task: scores[here["metrics"][task]] for task, scores in tree_scores(data).items()}
        _keep(kept)
    if "pilot" not in here:
        here["pilot"] = pilot(data, RUNS / name.replace("/", "-") / "pilot", resources)
        _keep(kept)
    for seed in range(seeds):
        for method in METHODS:
            if str(seed) not in here["found"][method]:
                folder = RUNS / name.replace("/", "-") / method.replace(" ", "-") / str(seed)
                here["found"][method][str(seed)] = found(run(method, data, folder, seed, resources), data)
                _keep(kept)
                print(f"{name}, {method}, seed {seed}: {here['found'][method][str(seed)]['scores']}", flush=True)


def _keep(kept: Kept) -> None:
    KEPT.parent.mkdir(exist_ok=True)
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="table", help=f"of {', '.join(TABLES)}; all if none")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--cpus", type=int, help="of this machine; decisions and scores do not depend on them")
    options = parser.parse_args()
    kept: Kept = json.loads(KEPT.read_text()) if KEPT.exists() else {"tables": {}}
    kept["machine"] = machine()
    for name in options.tables or TABLES:
        measure(name, options.seeds, kept, Resources(cpus=options.cpus))
    print(report(kept))


if __name__ == "__main__":
    main()
