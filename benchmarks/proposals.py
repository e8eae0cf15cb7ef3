r"""What a long search costs beside training: proposals, the record, memory, at 1,000 finished trials.

    python -m benchmarks.proposals                     # some minutes
    python -m benchmarks.proposals --samplers tpe --trials 300

A search on the space ``everything`` with the tasks of synthetic-funnel, whose workers only pretend to train. Writes
benchmarks/results/proposals.json.
"""

import argparse
import json
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
from mtl_nas.record import Journal, Record, Request, RunState, SearchSettings
from mtl_nas.space import plain_tree
from mtl_nas.study.clock import Clock
from mtl_nas.study.driver import Driver
from mtl_nas.study.jobs import Job, JobResult
from mtl_nas.study.proposer import Proposer
from mtl_nas.study.search_state import SearchState

KEPT = Path(__file__).parent / "results" / "proposals.json"
SAMPLERS = ("evolution", "local", "tpe", "nsga2", "random")
LATEST = 50  # proposals whose time is taken


def pretended(job: Job) -> JobResult:
    """A score that follows from the proposal."""
    digest = blake2b(job.proposal.model_dump_json().encode(), digest_size=4).digest()
    score = 0.6 + int.from_bytes(digest, "big") / 2**34 + 0.05 * job.share
    return JobResult(score=score, scores={}, rows=round(1_000 * job.share), seconds=job.share)


def measured(sampler: str, trials: int, folder: Path) -> dict[str, Any]:
    """One search of so many trials, its finalists left out."""
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
    record, process = Record(folder / f"{sampler}.jsonl"), psutil.Process()
    state = SearchState.of(request, full_rows=round(1_000 * space.default().training.work(1_000).epochs))
    journal = Journal(record, state)
    proposer = Proposer(journal, space, schema, {})
    driver, took = Driver(journal, proposer, Clock(state, workers=1)), list[float]()
    propose, half = proposer.propose, 0

    def timed() -> None:
        start = time.perf_counter()
        propose()
        took.append(time.perf_counter() - start)

    proposer.propose = timed  # type: ignore[method-assign]
    while (jobs := driver.next_jobs()) and jobs[0].kind == "trial":
        driver.job_done(jobs[0], pretended(jobs[0]))
        if not half and len(state.trained) >= trials // 2:
            half = process.memory_info().rss
    start = time.perf_counter()
    RunState().after(Record(folder / f"{sampler}.jsonl"))
    return {
        "proposal_ms": 1e3 * median(took[-LATEST:]),
        "slowest_ms": 1e3 * max(took[-LATEST:]),
        "first_ms": 1e3 * median(took[:LATEST]),
        "opened_s": time.perf_counter() - start,
        "record_mb": (folder / f"{sampler}.jsonl").stat().st_size / 1e6,
        "grown_mb": (process.memory_info().rss - half) / 1e6,  # over the second half
        "proposals": len(state.trials),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--trials", type=int, default=1_000)
    options = parser.parse_args()
    kept: dict[str, Any] = {"machine": machine(), "trials": options.trials, "samplers": {}}
    printed = Table(title=f"at {options.trials:,} finished trials")
    for column in ("sampler", "proposal ms", "slowest", "the first", "record opens s", "record MB", "memory + MB"):
        printed.add_column(column, justify="left" if column == "sampler" else "right")
    with TemporaryDirectory() as folder:
        for sampler in options.samplers:
            found = kept["samplers"][sampler] = measured(sampler, options.trials, Path(folder))
            names = ("proposal_ms", "slowest_ms", "first_ms", "opened_s", "record_mb", "grown_mb")
            printed.add_row(sampler, *(f"{found[name]:.1f}" for name in names))
            KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    Console(width=100).print(printed)


if __name__ == "__main__":
    main()
