r"""Make the dense table: every architecture of ``space.yaml`` trained on a data set, three seeds each.

    python -m benchmarks.table.train census-income/group1 synthetic-funnel

Trainings go to runs/table/ as they end, so an interrupted command goes on; when all are there they are packed into
benchmarks/table/<data set>.parquet, beside it a JSON file with versions and machine.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

import mtl_nas as mn
from mtl_nas.evaluation import predict_and_score
from mtl_nas.space import Enumerate, Replay
from mtl_nas.study.jobs import seed_of
from mtl_nas.training import Fit, FitData, Member

HERE = Path(__file__).parent
SHARES = (1 / 27, 1 / 9, 1 / 3, 1.0)  # of one pass
SEEDS = 3
BATCH = {"synthetic-funnel": 128}  # rows a step where those of the space leave a small table untrained after one pass


@cache
def dataset(name: str) -> mn.Dataset:
    """Loaded once a process."""
    return mn.load_dataset(name)


@cache
def space(name: str) -> Any:
    """The space with this data set's tasks."""
    return mn.load_space(HERE / "space.yaml").for_schema(dataset(name).schema)


def architectures(name: str) -> dict[str, dict[str, int | float]]:
    """The first decisions that lead to each architecture, by its key."""
    found: dict[str, dict[str, int | float]] = {}
    for decider in Enumerate.all():
        proposal, decisions = space(name).draw(decider)
        found.setdefault(mn.compose(proposal.design, dataset(name).schema).key, decisions)
    return found


def trained(name: str, key: str, decisions: dict[str, int | float], seed: int) -> dict[str, Any]:
    """One training: the scores of each task on tuning rows at each share, on choosing and test rows at the end."""
    torch.set_num_threads(1)
    data = dataset(name)
    proposal = space(name).resolve(Replay(decisions))
    graph = mn.compose(proposal.design, data.schema)
    batch = BATCH.get(name, proposal.training.batch_size)
    training = proposal.training.model_copy(update={"seed": seed_of("table", key, seed), "batch_size": batch})
    start = time.perf_counter()
    member = Member(graph, proposal.design.losses, training, FitData.of(data))
    for share in SHARES:
        Fit(member).advance(share)
    network, seconds = member.best_network(), time.perf_counter() - start
    found = {f"tuning {share:.4f}": check.scores for share, check in zip(SHARES, member.checks, strict=True)}
    found |= {split: predict_and_score(network, data.rows(split), data.schema)[1] for split in ("choosing", "test")}
    scores = {
        f"{task.name} {place}": scores[task.name][task.main_metric]
        for place, scores in found.items()
        for task in data.schema.tasks
    }
    about = {"key": key, "seed": seed, "decisions": json.dumps(decisions, sort_keys=True)}
    cost = {"parameters": graph.parameters, "macs": graph.macs, "seconds": round(seconds, 3)}
    return {**about, **cost, "rows": member.rows, **scores}


def missing(name: str, kept: Path) -> Iterator[tuple[str, dict[str, int | float], int]]:
    """What is still to be trained, a seed after the other."""
    there = set()
    if kept.exists():
        for line in kept.read_text().splitlines():
            row = json.loads(line)
            there.add((row["key"], row["seed"]))
    found = architectures(name)
    for seed in range(SEEDS):
        yield from ((key, decisions, seed) for key, decisions in found.items() if (key, seed) not in there)


def pack(name: str, kept: Path) -> Path:
    """The rows as one table, architectures in the order of the space."""
    order = {key: place for place, key in enumerate(architectures(name))}
    rows = sorted(map(json.loads, kept.read_text().splitlines()), key=lambda row: (order[row["key"]], row["seed"]))
    table = pd.DataFrame(rows)
    scores = [column for column in table if str(column).partition(" ")[2]]
    table[scores] = table[scores].astype("float32")
    to = HERE / f"{name.replace('/', '-')}.parquet"
    table.to_parquet(to, index=False, compression="zstd")
    return to


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="built-in data sets")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--folder", type=Path, default=Path("runs/table"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.data:
        kept = options.folder / f"{name.replace('/', '-')}.jsonl"
        work = list(missing(name, kept))
        with ProcessPoolExecutor(options.workers) as pool, kept.open("a") as file:
            jobs = [pool.submit(trained, name, *one) for one in work]
            for job in tqdm(jobs, desc=name):
                file.write(json.dumps(job.result()) + "\n")
                file.flush()
        print(f"{pack(name, kept)}: {len(architectures(name))} architectures x {SEEDS} seeds")


if __name__ == "__main__":
    main()
