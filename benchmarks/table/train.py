"""Make the dense table: train every architecture of ``space.yaml`` on a data set on three seeds.

    python -m benchmarks.table.train census-income/group1 synthetic-funnel

Trainings are saved in runs/table/ as they end, so that the command resumes after an interruption. When all are done
they are written to benchmarks/table/<data set>.parquet, whose columns README.md describes.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from tqdm import tqdm

import mtl_nas as mn
from benchmarks.table.dense_table import FOLDER
from benchmarks.table.table_space import dataset, space
from mtl_nas.evaluation import predict_and_score
from mtl_nas.space import Enumerate, Replay
from mtl_nas.study.jobs import seed_of
from mtl_nas.training import Fit, FitData, Member

SHARES = (1 / 27, 1 / 9, 1 / 3, 1.0)  # shares of an epoch at which tuning rows are scored
SEEDS = 3
BATCH_SIZES = {"synthetic-funnel": 128}  # for tables that one epoch of the space's batch size leaves untrained
Decisions = dict[str, int | float]


def architectures(name: str) -> dict[str, Decisions]:
    """Return the first decisions that lead to each architecture, by canonical key."""
    decisions_by_key: dict[str, Decisions] = {}
    for decider in Enumerate.all():
        proposal, decisions = space(name).draw(decider)
        decisions_by_key.setdefault(mn.compose(proposal.design, dataset(name).schema).key, decisions)
    return decisions_by_key


def train(name: str, key: str, decisions: Decisions, seed: int) -> dict[str, Any]:
    """Train once, and return a row of the table.

    Its scores are those of each task on tuning rows at each share, and on choosing and test rows at the end.
    """
    torch.set_num_threads(1)
    data = dataset(name)
    proposal = space(name).resolve(Replay(decisions))
    graph = mn.compose(proposal.design, data.schema)
    batch_size = BATCH_SIZES.get(name, proposal.training.batch_size)
    training = proposal.training.model_copy(update={"seed": seed_of("table", key, seed), "batch_size": batch_size})
    start = time.perf_counter()
    member = Member(graph, proposal.design.losses, training, FitData.of(data))
    for share in SHARES:
        Fit(member).advance(share)
    network, seconds = member.best_network(), time.perf_counter() - start
    measured = {f"tuning {share:.4f}": check.scores for share, check in zip(SHARES, member.checks, strict=True)}
    measured |= {split: predict_and_score(network, data.rows(split), data.schema)[1] for split in ("choosing", "test")}
    scores = {
        f"{task.name} {measurement}": by_task[task.name][task.main_metric]
        for measurement, by_task in measured.items()
        for task in data.schema.tasks
    }
    identity = {"key": key, "seed": seed, "decisions": json.dumps(decisions, sort_keys=True)}
    cost = {"parameters": graph.parameters, "macs": graph.macs, "seconds": round(seconds, 3)}
    return {**identity, **cost, "rows": member.rows, **scores}


def missing(name: str, path: Path) -> Iterator[tuple[str, Decisions, int]]:
    """Yield the trainings that the file lacks, seed by seed."""
    rows = map(json.loads, path.read_text().splitlines()) if path.exists() else ()
    trained = {(row["key"], row["seed"]) for row in rows}
    decisions_by_key = architectures(name)
    for seed in range(SEEDS):
        for key, decisions in decisions_by_key.items():
            if (key, seed) not in trained:
                yield key, decisions, seed


def write_table(name: str, path: Path) -> Path:
    """Write the trainings of a file as one table, architectures in the order of the space."""
    order = {key: index for index, key in enumerate(architectures(name))}
    rows = sorted(map(json.loads, path.read_text().splitlines()), key=lambda row: (order[row["key"]], row["seed"]))
    table = pd.DataFrame(rows)
    scores = [column for column in table if " " in str(column)]
    table[scores] = table[scores].astype("float32")
    output = FOLDER / f"{name.replace('/', '-')}.parquet"
    table.to_parquet(output, index=False, compression="zstd")
    return output


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="built-in data sets")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that train on one thread each")
    parser.add_argument("--folder", type=Path, default=Path("runs/table"), help="folder of finished trainings")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name in options.data:
        path = options.folder / f"{name.replace('/', '-')}.jsonl"
        trainings = list(missing(name, path))
        with ProcessPoolExecutor(options.workers) as pool, path.open("a") as file:
            jobs = [pool.submit(train, name, *training) for training in trainings]
            for job in tqdm(jobs, desc=name):
                file.write(json.dumps(job.result()) + "\n")
                file.flush()
        print(f"{write_table(name, path)}: {len(architectures(name))} architectures x {SEEDS} seeds")


if __name__ == "__main__":
    main()
