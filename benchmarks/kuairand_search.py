"""Test whether a search on KuaiRand-Pure finds what no preset is: `like` as good as alone, `click` as good as shared.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.kuairand_search           # some two hours on two cores
    python -m benchmarks.kuairand_search "histories left out"

The tasks are four kinds of feedback, with the users' histories and without. After a search with the defaults, its best
design and some presets are trained on fresh seeds. Each preset is trained twice, with the training that the search
found and with that of docs/results/presets.md; the better one is compared. Scores are those of test rows; differences
are paired by seed and row. Boosted trees are scored too. The command resumes an interrupted search from runs/kuairand/.
Prints tables, and writes benchmarks/results/kuairand-search.json.
"""

import argparse
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.kuairand import kuairand
from benchmarks.machine import machine
from benchmarks.presets import TRAINING
from benchmarks.result_files import RESULTS, load, save
from mtl_nas.comparison.design_result import DesignResult, train_and_test
from mtl_nas.presets import compatible_presets
from mtl_nas.scoring import Interval, paired_interval, seed_score
from mtl_nas.trees import LIBRARIES, boosted_trees

OUTPUT = RESULTS / "kuairand-search.json"
RUNS = Path("runs/kuairand")
CASES = {"histories left out": False, "with histories": True}
PRESETS = ("single_task", "mmoe", "shared_bottom", "dupn")
FOUND = "found"  # name of the design that the search found
FIRST_FRESH_SEED = 100  # the search does not train on this seed or a later one


@dataclass(frozen=True)
class CaseResult:
    """The best proposal of a search, and its design and presets trained on the same fresh seeds."""

    data: mn.Dataset
    best: mn.Proposal
    designs: dict[str, DesignResult]  # by name; FOUND is the first

    def lead_over(self, rival: str, task: str) -> Interval:
        """The difference of the found design to a rival on a task."""
        labels = self.data.rows("test").labels.astype(np.float64)
        scores = [
            [
                score
                for seed in self.designs[name].predictions
                if (score := seed_score(seed, labels, self.data.schema, [task])) is not None
            ]
            for name in (FOUND, rival)
        ]
        return paired_interval(*scores)

    def better_training(self, preset: str, task: str) -> str:
        """The name of the design with the higher score on a task, of a preset's two trainings."""
        names = [name for name in self.designs if name.startswith(preset)]
        return max(names, key=lambda name: self.mean_score(name, task))

    def mean_score(self, name: str, task: str) -> float:
        return fmean(self.scores(name, task))

    def scores(self, name: str, task: str) -> list[float]:
        """The main score of a design on a task, by seed."""
        metric = next(each for each in self.data.schema.tasks if each.name == task).main_metric
        return [scores[task][metric] or 0.0 for scores in self.designs[name].scores]


def search_and_train(case: str, options: argparse.Namespace) -> CaseResult:
    """Search, then train the best design and the presets on fresh seeds."""
    data = kuairand("feedback", histories=CASES[case]).dataset()
    run = mn.search(
        "everything",
        data,
        budget=mn.Budget(trainings=options.trainings),
        folder=RUNS / case.replace(" ", "-"),
        seed=options.seed,
        resources=mn.Resources(cpus=options.cpus),
    )
    best = run.best().proposal
    seeds = range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + options.seeds)
    designs = {FOUND: train_and_test(FOUND, best.design, data, best.training, seeds)}
    for name in PRESETS:
        if design := compatible_presets(data.schema).designs.get(name):
            designs[name] = train_and_test(name, design, data, mn.Training(**TRAINING), seeds)
            designs[f"{name}, found training"] = train_and_test(name, design, data, best.training, seeds)
    return CaseResult(data, best, designs)


def claims_against_presets(result: CaseResult) -> dict[str, str]:
    """Return each claim on presets with its verdict."""
    alone, shared = result.better_training("single_task", "like"), result.better_training("mmoe", "click")
    like, click = result.lead_over(alone, "like"), result.lead_over(shared, "click")
    return {
        f"like within noise of the best single-task model ({alone}) or above": _verdict(like, like.high >= 0),
        f"click at or above MMoE ({shared})": _verdict(click, click.difference >= 0),
    }


def claims_against_trees(result: CaseResult, trees: dict[str, float]) -> dict[str, str]:
    """Return a claim per task with its verdict: the mean over seeds against the trees."""
    gaps = {task: result.mean_score(FOUND, task) - score for task, score in trees.items()}
    return {
        f"{task} at or above boosted trees": f"{'yes' if gap >= 0 else 'no'}: {gap:+.4f}" for task, gap in gaps.items()
    }


def _verdict(interval: Interval, holds: bool) -> str:
    return f"{'yes' if holds else 'no'}: {interval.difference:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def to_json(result: CaseResult, trees: dict[str, float]) -> dict[str, Any]:
    """Return the part of the results file on a case."""
    tasks = result.data.schema.task_names
    return {
        "best": result.best.model_dump(mode="json", exclude_defaults=True),
        "scores": {name: {task: result.scores(name, task) for task in tasks} for name in result.designs},
        "against": {
            name: {task: asdict(result.lead_over(name, task)) for task in tasks}
            for name in result.designs
            if name != FOUND
        },
        "parameters": {name: design.cost.parameters for name, design in result.designs.items()},
        "trees": trees,
        "claims": claims_against_presets(result) | claims_against_trees(result, trees),
    }


def score_table(case: str, results: dict[str, Any]) -> Table:
    """Return a table with a row per design: mean and standard deviation over seeds."""
    tasks = list(results["trees"])
    table = Table(*("design", *tasks, "parameters"), title=f"KuaiRand-Pure, {case}: test AUC")
    table.add_row("boosted trees", *(f"{results['trees'][task]:.4f}" for task in tasks), "")
    for name, scores in results["scores"].items():
        cells = [f"{fmean(scores[task]):.4f} ± {stdev(scores[task]):.4f}" for task in tasks]
        table.add_row(name, *cells, f"{results['parameters'][name]:,}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" or ".join(CASES))
    parser.add_argument("--trainings", type=float, default=40, help="work of the search in full trainings")
    parser.add_argument("--seeds", type=int, default=5, help="fresh seeds that each design is trained on")
    parser.add_argument("--seed", type=int, default=0, help="seed of the search")
    parser.add_argument("--cpus", type=int, help="cores to use")
    options = parser.parse_args()
    console = Console(width=120)
    results = load(OUTPUT, {"cases": {}})
    results |= {"machine": machine(), "trainings": options.trainings, "seeds": options.seeds, "training": TRAINING}
    for case in options.cases or CASES:
        result = search_and_train(case, options)
        trees = {task: scores["auc"] for task, scores in boosted_trees(result.data, LIBRARIES[0]).scores.items()}
        results["cases"][case] = to_json(result, trees)
        save(OUTPUT, results)
        console.print(score_table(case, results["cases"][case]))
        for claim, verdict in results["cases"][case]["claims"].items():
            console.print(f"{claim}: {verdict}")


if __name__ == "__main__":
    main()
