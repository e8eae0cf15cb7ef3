"""Whether a search finds on KuaiRand-Pure what no preset is: `like` as good as alone, `click` as good as shared.

    MTL_NAS_DATA=/path/to/data python -m benchmarks.kuairand_search           # some two hours on two cores
    python -m benchmarks.kuairand_search "histories left out"

Four kinds of feedback, with the users' histories and without. A search as it comes, then its best on fresh seeds beside
presets, each of which has the training that was found and that of docs/results/presets.md: the better of the two
counts. Test rows; differences are paired by seed and row. Beside them boosted trees. A broken-off search goes on from
runs/kuairand/. Prints tables, and writes benchmarks/results/kuairand-search.json.
"""

import argparse
import json
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
from benchmarks.trees import tree_scores
from mtl_nas.comparison.contenders import Contender, trained
from mtl_nas.presets import compatible_presets
from mtl_nas.scoring import Interval, paired_interval, seed_score

RESULTS = Path(__file__).parent / "results" / "kuairand-search.json"
RUNS = Path("runs/kuairand")
CASES = {"histories left out": False, "with histories": True}
BESIDE = ("single_task", "mmoe", "shared_bottom", "dupn")
FRESH = 100  # the first of the seeds that no search has seen


@dataclass(frozen=True)
class Found:
    """What a search ended with, and presets, on the same seeds."""

    data: mn.Dataset
    best: mn.Proposal
    contenders: dict[str, Contender]  # "found" first

    def against(self, other: str, task: str) -> Interval:
        """By how much the found design leads on a task."""
        labels = self.data.rows("test").labels.astype(np.float64)
        parts = [
            [
                part
                for seed in self.contenders[name].predictions
                if (part := seed_score(seed, labels, self.data.schema, [task])) is not None
            ]
            for name in ("found", other)
        ]
        return paired_interval(*parts)

    def better(self, design: str, task: str) -> str:
        """Of a preset's two trainings, the one with the higher score on a task."""
        return max(
            (name for name in self.contenders if name.startswith(design)), key=lambda name: self.mean(name, task)
        )

    def mean(self, name: str, task: str) -> float:
        """Over seeds."""
        return fmean(self.scores(name, task))

    def scores(self, name: str, task: str) -> list[float]:
        """Of each seed."""
        metric = next(one for one in self.data.schema.tasks if one.name == task).main_metric
        return [scores[task][metric] or 0.0 for scores in self.contenders[name].scores]


def found(case: str, options: argparse.Namespace) -> Found:
    """Search, and train on fresh seeds."""
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
    seeds = range(FRESH, FRESH + options.seeds)
    contenders = {"found": trained("found", best.design, data, best.training, seeds)}
    for name in BESIDE:
        if design := compatible_presets(data.schema).designs.get(name):
            contenders[name] = trained(name, design, data, mn.Training(**TRAINING), seeds)
            contenders[f"{name}, found training"] = trained(name, design, data, best.training, seeds)
    return Found(data, best, contenders)


def lines(one: Found) -> dict[str, str]:
    """What is asked, and what came out."""
    alone, shared = one.better("single_task", "like"), one.better("mmoe", "click")
    like, click = one.against(alone, "like"), one.against(shared, "click")
    return {
        f"like within noise of the best single-task model ({alone}) or above": _said(like, like.high >= 0),
        f"click at or above MMoE ({shared})": _said(click, click.difference >= 0),
    }


def against_trees(one: Found, trees: dict[str, float]) -> dict[str, str]:
    """Task by task: the mean over seeds against the trees."""
    gaps = {task: one.mean("found", task) - score for task, score in trees.items()}
    return {
        f"{task} at or above boosted trees": f"{'yes' if gap >= 0 else 'no'}: {gap:+.4f}" for task, gap in gaps.items()
    }


def _said(found: Interval, holds: bool) -> str:
    return f"{'yes' if holds else 'no'}: {found.difference:+.4f} ({found.low:+.4f} to {found.high:+.4f})"


def kept(one: Found, trees: dict[str, float]) -> dict[str, Any]:
    """What the results file holds of a case."""
    tasks = one.data.schema.task_names
    return {
        "best": one.best.model_dump(mode="json", exclude_defaults=True),
        "scores": {name: {task: one.scores(name, task) for task in tasks} for name in one.contenders},
        "against": {
            name: {task: asdict(one.against(name, task)) for task in tasks}
            for name in one.contenders
            if name != "found"
        },
        "parameters": {name: contender.parameters for name, contender in one.contenders.items()},
        "trees": trees,
        "lines": lines(one) | against_trees(one, trees),
    }


def table(case: str, here: dict[str, Any]) -> Table:
    """A row a design: mean and deviation over seeds."""
    tasks = list(here["trees"])
    shown = Table(*("design", *tasks, "parameters"), title=f"KuaiRand-Pure, {case}: test AUC")
    shown.add_row("boosted trees", *(f"{here['trees'][task]:.4f}" for task in tasks), "")
    for name, scores in here["scores"].items():
        cells = [f"{fmean(scores[task]):.4f} ± {stdev(scores[task]):.4f}" for task in tasks]
        shown.add_row(name, *cells, f"{here['parameters'][name]:,}")
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" or ".join(CASES))
    parser.add_argument("--trainings", type=float, default=40, help="the work of the search in full trainings")
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each contender")
    parser.add_argument("--seed", type=int, default=0, help="of the search")
    parser.add_argument("--cpus", type=int, help="of this machine")
    options = parser.parse_args()
    console = Console(width=120)
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"cases": {}}
    results |= {"machine": machine(), "trainings": options.trainings, "seeds": options.seeds, "training": TRAINING}
    for case in options.cases or CASES:
        one = found(case, options)
        trees = {task: scores["auc"] for task, scores in tree_scores(one.data).items()}
        results["cases"][case] = kept(one, trees)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
        console.print(table(case, results["cases"][case]))
        for line, answer in results["cases"][case]["lines"].items():
            console.print(f"{line}: {answer}")


if __name__ == "__main__":
    main()
