"""Measure what a long search costs beside training: proposals, the record and memory, at 1,000 finished trials.

    python -m benchmarks.proposals                     # some minutes
    python -m benchmarks.proposals --samplers tpe --trials 300

The search runs on the space ``everything`` with the tasks of synthetic-funnel; no trial is trained, scores follow from
a hash of the proposal. Prints a table, and writes benchmarks/results/proposals.json.
"""

import argparse
import time
from hashlib import blake2b
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, save
from mtl_nas.record import Journal, Record, Request, RunState, SearchSettings
from mtl_nas.space import plain_tree
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.search_state import SearchState

SAMPLERS = ("evolution", "local", "tpe", "nsga2", "random")
TIMED = 50  # proposals at the start and at the end whose times are reported
ROWS = 1_000  # train rows of the pretended data set
COLUMNS = {  # key of the results -> title of the printed column
    "proposal_ms": "proposal ms",
    "slowest_ms": "slowest",
    "first_ms": "first proposals",
    "opened_s": "record opens s",
    "record_mb": "record MB",
    "grown_mb": "memory + MB",
}


def result_without_training(job: Job) -> JobResult:
    """Return a score that follows from a hash of the proposal."""
    digest = blake2b(job.proposal.model_dump_json().encode(), digest_size=4).digest()
    score = 0.6 + int.from_bytes(digest, "big") / 2**34 + 0.05 * job.share
    return JobResult(score=score, scores={}, rows=round(ROWS * job.share), seconds=job.share)


def measure(sampler: str, trials: int, folder: Path) -> dict[str, Any]:
    """Run one search up to its finalists, and return its times and sizes."""
    schema = mn.load_dataset("synthetic-funnel").schema
    space = mn.load_space("everything").for_schema(schema)
    request = Request(
        data={},
        tasks=schema.task_names,
        fingerprint="",
        space=plain_tree(space),
        space_name=space.name,
        settings=SearchSettings(trials=trials, pilot=0, sampler=sampler),
    )
    path, process = folder / f"{sampler}.jsonl", psutil.Process()
    state = SearchState.of(request, full_rows=round(ROWS * space.default().training.work(ROWS).epochs))
    journal = Journal(Record(path), state)
    proposer = Proposer(journal, space, schema, {})
    driver, seconds = Driver(journal, proposer, Clock(state, workers=1)), list[float]()
    propose, memory_at_half = proposer.propose, 0

    def timed_propose() -> None:
        start = time.perf_counter()
        propose()
        seconds.append(time.perf_counter() - start)

    proposer.propose = timed_propose  # type: ignore[method-assign]
    while (jobs := driver.next_jobs()) and jobs[0].kind == "trial":
        driver.job_done(jobs[0], result_without_training(jobs[0]))
        if not memory_at_half and len(state.trained) >= trials // 2:
            memory_at_half = process.memory_info().rss
    start = time.perf_counter()
    RunState().after(Record(path))
    return {
        "proposal_ms": 1e3 * median(seconds[-TIMED:]),
        "slowest_ms": 1e3 * max(seconds[-TIMED:]),
        "first_ms": 1e3 * median(seconds[:TIMED]),
        "opened_s": time.perf_counter() - start,
        "record_mb": path.stat().st_size / 1e6,
        "grown_mb": (process.memory_info().rss - memory_at_half) / 1e6,  # over the second half of the trials
        "proposals": len(state.trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--trials", type=int, default=1_000)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "trials": options.trials, "samplers": {}}
    printed = Table(title=f"at {options.trials:,} finished trials")
    for column in ("sampler", *COLUMNS.values()):
        printed.add_column(column, justify="left" if column == "sampler" else "right")
    with TemporaryDirectory() as folder:
        for sampler in options.samplers:
            figures = results["samplers"][sampler] = measure(sampler, options.trials, Path(folder))
            printed.add_row(sampler, *(f"{figures[name]:.1f}" for name in COLUMNS))
            save(RESULTS / "proposals.json", results)
    Console(width=100).print(printed)


if __name__ == "__main__":
    main()
