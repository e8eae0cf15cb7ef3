r"""Searches on the dense table: hundreds of seeds in minutes, by the same code that decides in a run.

    python -m benchmarks.table.simulate synthetic-funnel census-income/group1 --seeds 200

Prints the true regret of what each method ends with (the best architecture's true score minus that of the winner),
its 95 % interval and the work, overhead, replicates and finalists included. Methods that
benchmarks/results/simulated-<data>.json has with as many seeds are not simulated again.
"""

import argparse
import heapq
import json
import os
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
from ray.tune.search.optuna import OptunaSearch
from rich.console import Console
from rich.table import Table as Printed

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.table.table import DenseTable, read
from mtl_nas.architecture import Architecture
from mtl_nas.data import Schema
from mtl_nas.design import Design
from mtl_nas.record import Event, Journal, Request, SearchSettings
from mtl_nas.space import Random, Replay, SearchSpace, plain_tree
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult, seed_of
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.samplers.optuna_study import HoleNames, OptunaDecider
from mtl_nas.study.search_state import SearchState

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
OVERHEAD = 0.05  # seconds of a trial beyond its training
RUNGS = (1 / 9, 1 / 3, 1.0)
TOP, FRESH = 5, 3  # finalists of the methods that have no final stage of their own


@cache
def schema(name: str) -> Schema:
    """Of the data set."""
    return mn.load_dataset(name).schema


@cache
def space(name: str) -> SearchSpace:
    """The table's space with this data set's tasks."""
    return mn.load_space(HERE / "space.yaml").for_schema(schema(name))


@cache
def small_presets(name: str) -> dict[str, Design]:
    """Presets in the sizes of the table's space, as far as it holds them."""
    sizes: dict[str, Any] = {"tower": (16,), "hidden": (64, 32), "embedding": 8}
    found = {}
    for one, more in (
        ("single_task", {}),
        ("shared_bottom", {}),
        ("mmoe", {"experts": 4}),
        ("ple", {"shared": 1, "specific": 1}),
        ("stem", {"shared": 1, "specific": 1}),
        ("cgc", {"shared": 1, "specific": 1}),
    ):
        design = mn.preset(one, schema(name), **sizes, **more)
        if space(name).contains(design):
            found[one] = design
    return found


class Memory(list[Event]):
    """A record that no disk keeps."""


_COMPOSED: dict[str, Architecture] = {}


def composed(design: Design, schema: Schema) -> Architecture:
    """The graph of a design, composed once a process."""
    words = f"{schema.task_names} {design.model_dump_json()}"
    if words not in _COMPOSED:
        _COMPOSED[words] = mn.compose(design, schema)
    return _COMPOSED[words]


@dataclass
class Workers:
    """Simulated ones: each takes a job's time, and answers from the table."""

    table: DenseTable
    count: int = 1
    clock: float = 0.0
    busy: list[tuple[float, int, Job, JobResult]] = field(default_factory=list)
    started: int = 0

    def run(self, driver: Driver) -> None:
        """To the end of the search."""
        while True:
            while len(self.busy) < self.count and (jobs := driver.next_jobs()):
                (job,) = jobs
                answer = self.answer(job, driver.state)
                self.started += 1
                finish = self.clock + answer.rows / self.table.rows_per_second
                heapq.heappush(self.busy, (finish, self.started, job, answer))
            if not self.busy:
                return
            self.clock, _, job, answer = heapq.heappop(self.busy)
            driver.job_done(job, answer)

    def answer(self, job: Job, state: SearchState) -> JobResult:
        """The scores of a training that the table knows."""
        key = state.trials[job.number].proposed.architecture_key
        found = self.table.training(self.table.keys.index(key), job.seed)  # (R + 2, T)
        overhead = round(OVERHEAD * self.table.rows_per_second)
        if job.kind == "finalist":
            return _answer(self.table, found[-2], self.table.rows + overhead)
        place = _place(self.table, job.share)
        best = max(range(place + 1), key=lambda index: found[index].mean())  # the best check so far
        before = 0.0 if job.from_rung is None else state.settings.rungs[job.from_rung]
        return _answer(self.table, found[best], round((job.share - before) * self.table.rows) + overhead)


def _place(table: DenseTable, share: float) -> int:
    return int(np.argmin(np.abs(np.array(table.shares) - share)))


def _answer(table: DenseTable, scores: np.ndarray, rows: int) -> JobResult:
    by_task = {task: {"auc": float(score)} for task, score in zip(table.tasks, scores, strict=True)}
    return JobResult(score=float(scores.mean()), scores=by_task, rows=rows, seconds=rows / table.rows_per_second)


@dataclass(frozen=True)
class Outcome:
    """What one search came to."""

    regret: float
    work: float  # full trainings
    trials: int
    seconds: float  # of the simulated clock


def searched(
    name: str,
    seed: int,
    *,
    workers: int = 1,
    presets: bool = True,
    finalists: bool = True,
    sampler: str = "auto",
    **budget: Any,
) -> Outcome:
    """The tool's own search."""
    table = read(name)
    asked = Request(
        data={},
        tasks=schema(name).task_names,
        metrics={task.name: task.main_metric for task in schema(name).tasks},
        fingerprint="",
        space=plain_tree(space(name)),
        space_name="table",
        settings=SearchSettings(**{"rungs": RUNGS, "sampler": sampler, "seed": seed, **budget}),
    )
    designs = small_presets(name) if presets else {}
    full_rows = round(space(name).default().training.work(table.rows).epochs * table.rows)
    state = SearchState.of(asked, presets=designs, full_rows=full_rows)
    journal = Journal(Memory(), state)
    proposer = Proposer(journal, space(name), schema(name), designs, composed)
    crew = Workers(table, workers)
    crew.run(Driver(journal, proposer, Clock(state, workers=workers)))
    done = [trial for trial in state.trials.values() if trial.finalist]
    most = max(len(trial.finalist) for trial in done)
    winner = max((trial for trial in done if len(trial.finalist) == most), key=lambda trial: trial.finalist_mean)
    if not finalists:
        last = max(max(trial.scored) for trial in state.trained if trial.scored)
        full = [trial for trial in state.trained if last in trial.scored]
        winner = max(full, key=lambda trial: trial.scored[last].score)
    place = table.keys.index(winner.proposed.architecture_key)
    return Outcome(
        regret=float(table.truth.max() - table.truth[place]),
        work=state.rows / table.rows,
        trials=len(state.trained),
        seconds=crew.clock,
    )


def _finished(table: DenseTable, scores: dict[int, list[float]], work: float, seed: int) -> Outcome:
    """Five finalists on three fresh seeds, as the tool's own final stage."""
    best = sorted(scores, key=lambda place: -fmean(scores[place]))[:TOP]
    overhead = OVERHEAD * table.rows_per_second / table.rows
    means = {
        place: fmean(table.training(place, seed_of("fresh", seed, index))[-2].mean() for index in range(FRESH))
        for place in best
    }
    winner = max(means, key=lambda place: means[place])
    total = work + len(best) * FRESH * (1 + overhead)
    seconds = total * table.rows / table.rows_per_second
    return Outcome(float(table.truth.max() - table.truth[winner]), total, sum(map(len, scores.values())), seconds)


def _place_of(name: str, decisions: dict[str, Any]) -> int:
    design = space(name).resolve(Replay(decisions)).design
    return read(name).keys.index(composed(design, schema(name)).key)


def random_search(name: str, seed: int, *, trainings: int) -> Outcome:
    """Random draws, each trained to the end."""
    table = read(name)
    overhead = OVERHEAD * table.rows_per_second / table.rows
    scores: dict[int, list[float]] = {}
    count = int((trainings - TOP * FRESH * (1 + overhead)) / (1 + overhead))
    for index in range(count):
        place = _place_of(name, space(name).decide(Random(seed_of("random", seed, index))))
        curve = table.training(place, seed_of("trial", seed, index))[: len(table.shares)]
        scores.setdefault(place, []).append(float(curve.mean(axis=-1).max()))
    return _finished(table, scores, count * (1 + overhead), seed)


def ray_optuna(name: str, seed: int, *, trainings: int) -> Outcome:
    """TPE through Ray's own OptunaSearch with its defaults, each trial trained to the end."""
    table, names = read(name), HoleNames(space(name))
    overhead = OVERHEAD * table.rows_per_second / table.rows

    def define(trial: optuna.Trial) -> dict[str, Any]:
        return {"decisions": json.dumps(space(name).decide(OptunaDecider(trial, names)))}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        searcher = OptunaSearch(space=define, metric="score", mode="max", seed=seed)
        scores: dict[int, list[float]] = {}
        count = int((trainings - TOP * FRESH * (1 + overhead)) / (1 + overhead))
        for index in range(count):
            config = searcher.suggest(str(index))
            place = _place_of(name, json.loads(config["decisions"]))
            curve = table.training(place, seed_of("trial", seed, index))[: len(table.shares)]
            score = float(curve.mean(axis=-1).max())
            scores.setdefault(place, []).append(score)
            searcher.on_trial_complete(str(index), {"score": score})
    return _finished(table, scores, count * (1 + overhead), seed)


Method = Callable[[str, int], Outcome]
METHODS: dict[str, tuple[Callable[..., Outcome], dict[str, Any]]] = {
    "the default, 100": (searched, {"trainings": 100}),
    "random search, 200": (random_search, {"trainings": 200}),
    "random search, 100": (random_search, {"trainings": 100}),
    "Ray's OptunaSearch, 100": (ray_optuna, {"trainings": 100}),
    "halving of random draws, 100": (searched, {"trainings": 100, "sampler": "random", "presets": False, "pilot": 0}),
    "halving of random draws by three, 100": (
        searched,
        {"trainings": 100, "sampler": "random", "presets": False, "pilot": 0, "reduction": 3.0},
    ),
    "default with TPE, 100": (searched, {"trainings": 100, "sampler": "tpe"}),
    "default with local search, 100": (searched, {"trainings": 100, "sampler": "local"}),
    "default with random draws, 100": (searched, {"trainings": 100, "sampler": "random"}),
    "default without presets, 100": (searched, {"trainings": 100, "presets": False}),
    "default without pilot, 100": (searched, {"trainings": 100, "pilot": 0}),
    "default, duplicates trained, 100": (searched, {"trainings": 100, "replicates": 100}),
    "default, full trainings only, 100": (searched, {"trainings": 100, "rungs": (1.0,)}),
    "default without finalists, 100": (searched, {"trainings": 100, "finalists": False}),
    "default, asynchronous, 4 workers, 100": (searched, {"trainings": 100, "promotion": "asynchronous", "workers": 4}),
}


def one(name: str, method: str, seed: int) -> Outcome:
    """A method on a seed, in a process of its own."""
    call, options = METHODS[method]
    return call(name, seed, **options)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % of the bootstrap replicates of the mean."""
    draw = np.random.default_rng(0)
    means = np.array(values)[draw.integers(0, len(values), (4000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def summary(found: Sequence[Outcome]) -> dict[str, Any]:
    """The mean regret with its interval, and the mean work, of one method's searches."""
    regrets = [outcome.regret for outcome in found]
    low, high = interval(regrets)
    means = {"work": fmean(outcome.work for outcome in found), "trials": fmean(outcome.trials for outcome in found)}
    return {"regret": fmean(regrets), "low": low, "high": high, "median": float(np.median(regrets)), **means} | {
        "regrets": [round(regret, 6) for regret in regrets]
    }


def row(summed: dict[str, Any]) -> list[str]:
    """A line of the table, regrets in units of 1e-4."""
    mean, low, high, middle = (f"{summed[name] * 1e4:.1f}" for name in ("regret", "low", "high", "median"))
    return [mean, f"{low} to {high}", middle, f"{summed['work']:.1f}", f"{summed['trials']:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+")
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", nargs="*", help="methods that hold one of these words")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    for name in options.data:
        table = read(name)
        methods = [method for method in METHODS if not options.only or any(word in method for word in options.only)]
        printed = Printed(title=f"{name}: true regret in units of 1e-4, seed noise {table.deviation * 1e4:.1f}")
        for column in ("method", "regret", "95 %", "median", "work", "trials"):
            printed.add_column(column, justify="left" if column == "method" else "right")
        path = RESULTS / f"simulated-{name.replace('/', '-')}.json"
        kept: dict[str, Any] = {"machine": machine(), "noise": table.deviation, "methods": {}}
        if path.exists():
            kept["methods"] = json.loads(path.read_text())["methods"]
        with ProcessPoolExecutor(options.workers) as pool:
            for method in methods:
                if len(kept["methods"].get(method, {}).get("regrets", ())) != options.seeds:
                    names, called, seeds = zip(*((name, method, seed) for seed in range(options.seeds)), strict=True)
                    kept["methods"][method] = summary(list(pool.map(one, names, called, seeds, chunksize=5)))
                    path.write_text(json.dumps(kept, indent=1) + "\n")
                printed.add_row(method, *row(kept["methods"][method]))
                print(method, *row(kept["methods"][method]), flush=True)
        Console(width=110).print(printed)


if __name__ == "__main__":
    main()
