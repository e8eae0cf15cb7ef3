"""A search of mtl_nas whose workers answer from the dense table; its decisions are made by the code of a real run.

Not a command: ``python -m benchmarks.table.simulate`` imports it.
"""

import heapq
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.table.dense_table import DenseTable, read_table
from benchmarks.table.table_space import compose_once, presets, schema, space
from mtl_nas.record import Event, Journal, Measured, NetworkName, Request, SearchSettings, Trial
from mtl_nas.scoring import Scores
from mtl_nas.space import plain_tree
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.schedule.best_network import best_of, network_values
from mtl_nas.study.search_state import SearchState

OVERHEAD = 0.05  # seconds per job beside its training
RUNGS = (1 / 9, 1 / 3, 1.0)  # shares of a full training


@dataclass(frozen=True)
class Outcome:
    """The regrets and the costs of one search.

    ``regret`` is that of the winning architecture, by its true score; ``model_regret`` that of the network which is
    taken away, by its own test score, so that it may be negative.
    """

    regret: float
    work: float  # full trainings
    trials: int
    seconds: float  # on the simulated clock
    model_regret: float | None = None
    compared: float = 0.0  # full trainings of the comparison


class MemoryRecord(list[Event]):
    """A record in memory, without a file."""


@dataclass
class SimulatedWorkers:
    """Workers that are busy for the time of a job and return scores of the table."""

    table: DenseTable
    count: int = 1
    seconds: float = 0.0  # the simulated clock
    busy: list[tuple[float, int, Job, JobResult]] = field(default_factory=list)  # a heap by end and start order
    started: int = 0

    def run(self, driver: Driver) -> None:
        """Do the jobs of a search until its end."""
        while True:
            while len(self.busy) < self.count and (jobs := driver.next_jobs()):
                (job,) = jobs
                result = self.result(job, driver.state)
                self.started += 1
                end = self.seconds + result.rows / self.table.rows_per_second
                heapq.heappush(self.busy, (end, self.started, job, result))
            if not self.busy:
                return
            self.seconds, _, job, result = heapq.heappop(self.busy)
            driver.job_done(job, result)

    def result(self, job: Job, state: SearchState) -> JobResult:
        """Return the scores of the job's training in the table, and the rows that it cost."""
        key = state.trials[job.number].proposed.architecture_key
        scores = self.table.training(self.table.keys.index(key), job.seed)  # (R + 2, T)
        overhead = round(OVERHEAD * self.table.rows_per_second)
        if job.kind == "finalist":
            return _job_result(self.table, scores[-2], self.table.rows + overhead)  # choosing rows
        choosing = _measured(self.table, scores[-2]) if job.share == 1.0 else None
        last = int(np.argmin(np.abs(np.array(self.table.shares) - job.share)))
        best = max(range(last + 1), key=lambda share_index: scores[share_index].mean())  # the best check so far
        share_before = 0.0 if job.from_rung is None else state.settings.rungs[job.from_rung]
        rows = round((job.share - share_before) * self.table.rows)
        return _job_result(self.table, scores[best], rows + overhead, choosing)


def _job_result(
    table: DenseTable, scores: NDArray[np.float64], rows: int, choosing: Measured | None = None
) -> JobResult:
    measured = _measured(table, scores)
    seconds = rows / table.rows_per_second
    return JobResult(score=measured.score, scores=measured.scores, rows=rows, seconds=seconds, choosing=choosing)


def _measured(table: DenseTable, scores: NDArray[np.float64]) -> Measured:
    by_task: Scores = {task: {"auc": float(score)} for task, score in zip(table.tasks, scores, strict=True)}
    return Measured(score=float(scores.mean()), scores=by_task)


def simulated_search(
    name: str,
    seed: int,
    *,
    workers: int = 1,
    with_presets: bool = True,
    with_finalists: bool = True,
    takes_finalist: bool = False,
    **settings: Any,
) -> Outcome:
    """Simulate a search of mtl_nas on the table of a data set.

    Args:
        name: The data set.
        seed: Seed of the search.
        workers: Number of simulated workers.
        with_presets: Whether presets are tried first.
        with_finalists: Whether the winner is chosen among the finalists, else by the score of its full training.
        takes_finalist: Whether the network that is taken away is that of the best finalist's best seed, as in version
            0.1.0, else the best of all networks.
        settings: Fields of ``SearchSettings``.
    """
    table = read_table(name)
    request = Request(
        data={},
        tasks=schema(name).task_names,
        metrics={task.name: task.main_metric for task in schema(name).tasks},
        fingerprint="",
        space=plain_tree(space(name)),
        space_name="table",
        settings=SearchSettings(**{"rungs": RUNGS, "sampler": "auto", "seed": seed, **settings}),
    )
    designs = presets(name) if with_presets else {}
    full_rows = round(space(name).default().training.work(table.rows).epochs * table.rows)
    state = SearchState.of(request, presets=designs, full_rows=full_rows)
    journal = Journal(MemoryRecord(), state)
    proposer = Proposer(journal, space(name), schema(name), designs, compose_once)
    simulated = SimulatedWorkers(table, workers)
    simulated.run(Driver(journal, proposer, Clock(state, workers=workers)))
    chosen = _best_finalist(state) if with_finalists and state.finalists else _best_full_training(state)
    model = _network_of_best_finalist(state) if takes_finalist else best_of(network_values(state))
    taken = table.keys.index(state.trials[model.number].proposed.architecture_key)
    return Outcome(
        regret=table.regret(table.keys.index(chosen.proposed.architecture_key)),
        work=state.rows / table.rows,
        trials=len(state.trained),
        seconds=simulated.seconds,
        model_regret=float(table.true_scores.max() - table.training(taken, model.seed)[-1].mean()),
        compared=sum(len(trial.finalist) for trial in state.finalists),
    )


def _best_finalist(state: SearchState) -> Trial:
    """The finalist with the best mean, of those on the most seeds."""
    finalists = [trial for trial in state.trials.values() if trial.finalist]
    most_seeds = max(len(trial.finalist) for trial in finalists)
    complete = [trial for trial in finalists if len(trial.finalist) == most_seeds]
    return max(complete, key=lambda trial: trial.finalist_mean)


def _network_of_best_finalist(state: SearchState) -> NetworkName:
    trial = _best_finalist(state)
    return NetworkName(trial.number, trial.best_seed)


def _best_full_training(state: SearchState) -> Trial:
    """The trial with the best score at the last rung."""
    last_rung = max(max(trial.scored) for trial in state.trained if trial.scored)
    full = [trial for trial in state.trained if last_rung in trial.scored]
    return max(full, key=lambda trial: trial.scored[last_rung].score)
