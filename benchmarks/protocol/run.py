"""Compare the search with tuned presets and with random draws, at equal work, on seven tables.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.protocol.run                  # all: some hours on two cores
    python -m benchmarks.protocol.run adult gas-turbine --seeds 1

docs/results/protocol.md says what is compared and why. Every search has its folder under runs/protocol/, so that the
command resumes after an interruption. Saves the results in benchmarks/results/protocol.json and prints the report;
``python -m benchmarks.protocol.report`` writes it into docs/results/protocol.md and README.md.
"""

import argparse
from pathlib import Path
from statistics import fmean
from typing import Any

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.protocol.methods import EPOCHS, METHODS, SEEDS, pilot, run
from benchmarks.protocol.report import report
from benchmarks.protocol.tables import LARGE_TABLES, TABLES, table
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.study import Resources
from mtl_nas.trees import LIBRARIES, boosted_trees

OUTPUT = RESULTS / "protocol.json"
RUNS = Path("runs/protocol")
NOISE_TRAININGS = 10
Results = dict[str, Any]


def outcome(finished: mn.Run, data: mn.Dataset) -> Results:
    """Return the test scores of a run's winner by task, with its training, the work of the run and the finalists."""
    best = finished.best()
    return {
        "scores": _mean_scores(list(best.tested.values()), data),
        "best": best.name,
        "parameters": best.proposed.parameters,
        "training": best.proposal.training.model_dump(mode="json", exclude_defaults=True),
        "work": round(finished.state.rows / (EPOCHS * len(data.rows("train"))), 2),
        "trials": len(finished.state.trained),
        "limits": finished.request.settings.limits,
        "finalists": {trial.name: _mean_scores(list(trial.tested.values()), data) for trial in finished.finalists()},
    }


def noise(data: mn.Dataset) -> list[dict[str, float]]:
    """Return the test scores of one MMoE, trained on several seeds."""
    training = {"epochs": EPOCHS, "learning_rate": 3e-3, "schedule": "linear"}
    design = mn.preset("mmoe", data.schema)
    results = [
        mn.evaluate(design, data, mn.Training(**training, seed=seed), split="test") for seed in range(NOISE_TRAININGS)
    ]
    return [_mean_scores([result.scores], data) for result in results]


def _mean_scores(scores: list[Any], data: mn.Dataset) -> dict[str, float]:
    """The main score of each task, averaged over seeds."""
    return {task.name: fmean(by_task[task.name][task.main_metric] for by_task in scores) for task in data.schema.tasks}


def measure(name: str, seeds: int, results: Results, resources: Resources) -> None:
    """Measure what the results of a table lack, and save after each measurement."""
    data = table(name)
    of_table = results["tables"].setdefault(name, {"runs": {method: {} for method in METHODS}})
    of_table["metrics"] = {task.name: task.main_metric for task in data.schema.tasks}
    of_table["rows"] = {split: len(data.rows(split)) for split in ("train", "validation", "test")}
    folder = RUNS / name.replace("/", "-")
    if "noise" not in of_table:
        of_table["noise"] = noise(data)
        trees = boosted_trees(data, LIBRARIES[0]).scores
        of_table["trees"] = {task: scores[of_table["metrics"][task]] for task, scores in trees.items()}
        save(OUTPUT, results)
    if "pilot" not in of_table:
        of_table["pilot"] = pilot(data, folder / "pilot", resources)
        save(OUTPUT, results)
    for seed in map(str, range(seeds)):
        for method in METHODS:
            runs = of_table["runs"][method]
            if seed not in runs:
                search = run(method, data, folder / method.replace(" ", "-") / seed, int(seed), resources)
                runs[seed] = outcome(search, data)
                save(OUTPUT, results)
                print(f"{name}, {method}, seed {seed}: {runs[seed]['scores']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"{', '.join(TABLES)}; the first seven by default")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="search seeds per method and table")
    parser.add_argument("--cpus", type=int, help="cores to use; decisions and scores do not depend on their number")
    options = parser.parse_args()
    results = load(OUTPUT, {"tables": {}})
    results["machine"] = machine()
    for name in options.tables or LARGE_TABLES:
        measure(name, options.seeds, results, Resources(cpus=options.cpus))
    print(report(results))


if __name__ == "__main__":
    main()
