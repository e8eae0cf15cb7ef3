"""Run one search of mtl_nas in a process of its own, with a clock beside it; print the times as JSON.

    python -m benchmarks.speed.our_search census --trials 100     # a search on a real table
    python -m benchmarks.speed.our_search tiny --trials 100       # trials so small that their time is not training

``python -m benchmarks.speed.search`` runs it.
"""

import argparse
import contextlib
import json
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import mtl_nas as mn
from benchmarks.speed.clock import RecordClock, TimedEvent
from mtl_nas.record import Failed, Finalist, Proposed, Scored

TINY_ROWS = 400
TINY_BUDGET: dict[str, Any] = {"rungs": (1.0,), "finalists": 1, "seeds": 1}


@dataclass(frozen=True)
class Job:
    """A job that ended: when, its score if it was a trial, its duration, and the duration of its training steps."""

    seconds: float
    core_seconds: float
    score: float | None
    job_seconds: float
    step_seconds: float


def finished_jobs(events: list[TimedEvent]) -> list[Job]:
    """Return the jobs of a record in the order in which they ended."""
    jobs = []
    for timed in events:
        event = timed.event
        if isinstance(event, Scored | Finalist):
            steps = event.rows / event.rows_per_second if event.rows_per_second else 0.0
            score = event.score if isinstance(event, Scored) else None
            jobs.append(Job(timed.seconds, timed.core_seconds, score, event.seconds, min(steps, event.seconds)))
        elif isinstance(event, Failed):
            jobs.append(Job(timed.seconds, timed.core_seconds, None, event.seconds, 0.0))
    return jobs


def tiny_table() -> pd.DataFrame:
    """Return a table of two numbers and two tasks."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(TINY_ROWS, 2)), columns=["a", "b"])
    return frame.assign(y=(frame.a > 0).astype(int), z=(frame.b > 0).astype(int))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", choices=("census", "tiny"))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="census-income", help="the data set of the search `census`")
    parser.add_argument("--space", default="everything", help="the space of the search `census`")
    options = parser.parse_args()
    tiny = options.search == "tiny"
    data = mn.load_dataset(tiny_table(), tasks=["y", "z"]) if tiny else mn.load_dataset(options.data)
    with tempfile.TemporaryDirectory() as folder:
        clock = RecordClock(Path(folder) / "run" / "trials.jsonl")
        clock.start()
        with contextlib.suppress(KeyboardInterrupt):  # an interrupted search prints what it measured until then
            mn.search(
                _tiny_space() if tiny else options.space,
                data,
                budget=mn.Budget(trials=options.trials, **(TINY_BUDGET if tiny else {})),
                folder=Path(folder) / "run",
                seed=options.seed,
                resources=mn.Resources(cpus=options.workers),
            )
        seconds = clock.stop()
    result = {
        "seconds": seconds,
        "core_seconds": clock.processes.core_seconds,
        "workers": options.workers,
        "trials": sum(isinstance(timed.event, Proposed) for timed in clock.events),
        "worker_megabytes": clock.processes.worker_megabytes,
        "jobs": [asdict(job) for job in finished_jobs(clock.events)],
    }
    print(json.dumps(result))


def _tiny_space() -> mn.SearchSpace:
    tree = mn.load_space("mmoe").tree
    return mn.SearchSpace("tiny", {**tree, "training": {**tree["training"], "epochs": 1}})


if __name__ == "__main__":
    main()
