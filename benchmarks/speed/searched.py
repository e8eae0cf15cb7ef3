"""One search of ours in a process of its own, with a clock beside it; prints JSON.

python -m benchmarks.speed.searched census --trials 100     # the search itself
python -m benchmarks.speed.searched tiny --trials 100       # trials that are nearly nothing: what is not training
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
from benchmarks.speed.clock import Clock, Timed
from mtl_nas.record.events import Failed, Finalist, Proposed, Scored

TINY_ROWS = 400
TINY: dict[str, Any] = {"rungs": (1.0,), "finalists": 1, "seeds": 1}


@dataclass(frozen=True)
class Job:
    """A job that ended: when, its score, and its seconds in a worker, those of training steps among them."""

    seconds: float
    core_seconds: float
    score: float | None  # of a trial
    worked: float
    stepped: float


def jobs(events: list[Timed]) -> list[Job]:
    """All of a record, in the order in which they ended."""
    found = []
    for timed in events:
        event = timed.event
        if isinstance(event, Scored | Finalist):
            stepped = event.rows / event.rows_per_second if event.rows_per_second else 0.0
            score = event.score if isinstance(event, Scored) else None
            found.append(Job(timed.seconds, timed.core_seconds, score, event.seconds, min(stepped, event.seconds)))
        elif isinstance(event, Failed):
            found.append(Job(timed.seconds, timed.core_seconds, None, event.seconds, 0.0))
    return found


def tiny_table() -> pd.DataFrame:
    """Two numbers, two tasks, a few hundred rows."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(TINY_ROWS, 2)), columns=["a", "b"])
    return frame.assign(y=(frame.a > 0).astype(int), z=(frame.b > 0).astype(int))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("census", "tiny"))
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", default="census-income")
    parser.add_argument("--space", default="everything")
    options = parser.parse_args()
    tiny = options.what == "tiny"
    data = mn.load_dataset(tiny_table(), tasks=["y", "z"]) if tiny else mn.load_dataset(options.data)
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock(Path(folder) / "run" / "trials.jsonl")
        clock.start()
        with contextlib.suppress(KeyboardInterrupt):  # what was found until then is said all the same
            mn.search(
                _tiny_space() if tiny else options.space,
                data,
                budget=mn.Budget(trials=options.trials, **(TINY if tiny else {})),
                folder=Path(folder) / "run",
                seed=options.seed,
                resources=mn.Resources(cpus=options.workers),
            )
        seconds = clock.end()
    found = {
        "seconds": seconds,
        "core_seconds": clock.processes.core_seconds,
        "workers": options.workers,
        "trials": sum(isinstance(timed.event, Proposed) for timed in clock.events),
        "megabytes": clock.processes.megabytes,
        "jobs": [asdict(job) for job in jobs(clock.events)],
    }
    print(json.dumps(found))


def _tiny_space() -> mn.SearchSpace:
    tree = mn.load_space("mmoe").tree
    return mn.SearchSpace("tiny", {**tree, "training": {**tree["training"], "epochs": 1}})


if __name__ == "__main__":
    main()
