"""Measure tables larger than memory: generated rows are encoded, then trained from blocks on disk.

    python -m benchmarks.speed.rows                    # 10^5, 10^6, 10^7 and 10^8 rows; 6 GB of disk
    python -m benchmarks.speed.rows 1e5 1e6 --folder /big

Each row has ten 16-bit columns, most of whose values are rare, and two labels that depend on all of them. An MMoE is
trained on at most two million rows, and the tuning rows are scored. Encoding and training run in processes of their
own, whose anonymous memory (RssAnon) is watched. The rate is compared in turns with that of a million rows in memory,
by the clock and by process time, which other work on the machine disturbs less.
Writes benchmarks/results/rows.json.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow
from pyarrow import parquet

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.plain_training import PLAIN
from benchmarks.result_files import RESULTS, save
from benchmarks.speed.memory import watch_memory
from mtl_nas.composition import compose
from mtl_nas.data import Rows, joined
from mtl_nas.design import Losses, Training
from mtl_nas.training import Check, Fit, FitData, Member, batches

SIZES = (10**5, 10**6, 10**7, 10**8)  # rows
IN_MEMORY = 10**6  # rows of the table in memory that the streamed rate is compared with
COLUMNS = [f"c{index}" for index in range(10)]
IDS = 60_000  # different values per column
BLOCK_ROWS = 2**20  # rows generated at once
TRAINED_ROWS = 2_000_000  # at most
LAPS, LAP_ROWS = 12, 200_000  # laps per side of the comparison, rows per lap
TUNING_ROWS = 2_000  # scored in the comparison and in no lap of it
BATCH = 4_096  # rows per step: with fewer, most of a step is the optimizer on embedding tables
TASKS = {"click": {"kind": "binary"}, "like": {"kind": "binary"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=lambda text: int(float(text)), default=SIZES)
    parser.add_argument("--folder", help="folder for the tables; by default a temporary one, removed at the end")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        with watch_memory() as peak_bytes:
            figures = PARTS[options.part](Path(options.folder), options.rows[0])
        print(json.dumps(figures | {"peak_anonymous_gib": round(peak_bytes() / 2**30, 3)}))
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="rows-") as folder:
        sizes = sorted({IN_MEMORY, *options.rows}, key=lambda rows: rows != IN_MEMORY)  # the comparison's table first
        tables = [run_parts(Path(folder), rows) for rows in sizes]
    results = {"machine": machine(), "tables": sorted(tables, key=lambda table: table["rows"])}
    save(RESULTS / "rows.json", results)


def run_parts(folder: Path, rows: int) -> dict[str, Any]:
    """Run each part in a process of its own, and return the figures by part."""
    figures: dict[str, Any] = {"rows": rows}
    for part in PARTS:
        command = [sys.executable, "-m", "benchmarks.speed.rows", str(rows), "--folder", str(folder), "--part", part]
        process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures[part] = json.loads(process.stdout.splitlines()[-1])
        print(rows, part, figures[part], flush=True)
    return figures


def generate(folder: Path, rows: int) -> dict[str, Any]:
    """Write the table block by block."""
    random = np.random.default_rng(0)
    effects = random.normal(size=(2, len(COLUMNS), IDS)).astype(np.float32)
    start, writer = time.perf_counter(), None
    for first in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - first)
        ids = (random.random((len(COLUMNS), count)) ** 4 * IDS).astype(np.uint16)
        columns: dict[str, Any] = dict(zip(COLUMNS, ids, strict=True))
        logits = np.stack([effects[:, index, column] for index, column in enumerate(ids)]).sum(axis=0) / 2
        for task, logit in zip(TASKS, logits, strict=True):
            columns[task] = (random.logistic(size=count) < logit - 1).astype(np.uint8)
        block = pyarrow.table(columns)
        writer = writer or parquet.ParquetWriter(folder / f"{rows}.parquet", block.schema)
        writer.write_table(block)
    assert writer is not None
    writer.close()
    return {"rows_per_second": round(rows / (time.perf_counter() - start))}


def encode(folder: Path, rows: int) -> dict[str, Any]:
    """Encode the table into a folder, and delete the table."""
    start = time.perf_counter()
    table, encoded = folder / f"{rows}.parquet", folder / str(rows)
    mn.encode_table(table, encoded, TASKS, columns=dict.fromkeys(COLUMNS, "category"))
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in encoded.rglob("*.npy"))
    table.unlink()
    return {"rows_per_second": round(rows / seconds), "seconds": round(seconds, 1), "bytes_per_row": size / rows}


def train(folder: Path, rows: int) -> dict[str, Any]:
    """Train from blocks whatever the size, and score all tuning rows."""
    batches.RESIDENT_BYTES = 0
    data = mn.load_dataset(folder / str(rows))
    member = new_member(data, data.rows("train"), data.rows("tuning"))
    share = min(1.0, TRAINED_ROWS / (member.train_rows * member.steps / member.steps_per_epoch))
    score = score_at(member, share)
    return {"rows_trained": member.rows, "score": score, "rows_per_second": round(member.rows_per_second)}


def compare(folder: Path, rows: int) -> dict[str, Any]:
    """Compare laps of the streamed table with laps of a million rows in memory, in turns, and both feeds alone."""
    small, data = (mn.load_dataset(folder / str(size)) for size in (IN_MEMORY, rows))
    few = slice(None, TUNING_ROWS)
    in_memory = new_member(small, joined([small.rows("train")]), small.rows("tuning").take(few))
    batches.RESIDENT_BYTES = 0
    streamed = new_member(data, data.rows("train"), data.rows("tuning").take(few))
    members = {"in_memory": in_memory, "streamed": streamed}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in members}
    for lap in range(LAPS):
        for name in members if lap % 2 else reversed(members):
            rates[name].append(lap_rates(members[name]))
    rates = {name: laps[1:] for name, laps in rates.items()}  # the first lap warms up
    pairs = list(zip(rates["streamed"], rates["in_memory"], strict=True))
    return {
        **{f"{name}_rows_per_second": round(median(rate for rate, _ in laps)) for name, laps in rates.items()},
        **{f"{name}_rows_per_cpu_second": round(median(rate for _, rate in laps)) for name, laps in rates.items()},
        "ratio": round(median(disk[0] / memory[0] for disk, memory in pairs), 3),
        "cpu_ratio": round(median(disk[1] / memory[1] for disk, memory in pairs), 3),
        **{f"{name}_feed_rows_per_second": round(feed_rate(member)) for name, member in members.items()},
    }


def scores(folder: Path, rows: int) -> dict[str, Any]:
    """Scores after one epoch on three seeds, in memory and streamed, which should agree; of one size alone."""
    if rows != IN_MEMORY:
        return {}
    batches.RESIDENT_BYTES = 0
    data = mn.load_dataset(folder / str(rows))
    scores: dict[str, list[float]] = {}
    for name, train_rows in (("in_memory", joined([data.rows("train")])), ("streamed", data.rows("train"))):
        for seed in range(3):
            member = new_member(data, train_rows, data.rows("tuning"), epochs=1.0, seed=seed)
            scores.setdefault(name, []).append(score_at(member, 1.0))
    return scores


def new_member(data: mn.Dataset, train: Rows, tuning: Rows, *, epochs: float = 40.0, seed: int = 0) -> Member:
    """Return a member of a fit that trains an MMoE preset, before its first step."""
    graph = compose(mn.preset("mmoe", data.schema), data.schema)
    training = Training(**PLAIN, epochs=epochs, batch_size=BATCH, seed=seed)
    return Member(graph, Losses(), training, FitData(data.schema, train, tuning))


def score_at(member: Member, share: float) -> float:
    """Train up to a share of all steps, and return the best score until then."""
    (check,) = Fit(member).advance(share)
    assert isinstance(check, Check)
    return round(check.score, 4)


def lap_rates(member: Member) -> tuple[float, float]:
    """Rows per second by the clock and by process time of one lap, without a check on tuning rows."""
    first_step, start, cpu_start = member.step, time.perf_counter(), time.process_time()
    Fit(member).run(first_step + math.ceil(LAP_ROWS / member.batch_size))
    rows = (member.step - first_step) * member.batch_size
    return rows / (time.perf_counter() - start), rows / (time.process_time() - cpu_start)


def feed_rate(member: Member) -> float:
    """Rows per second of making batches without training on them."""
    steps, start = math.ceil(4 * LAP_ROWS / member.batch_size), time.perf_counter()
    for step in range(member.step, member.step + steps):
        member.batches.batch(step)
    return steps * member.batch_size / (time.perf_counter() - start)


PARTS = {"generate": generate, "encode": encode, "train": train, "compare": compare, "scores": scores}

if __name__ == "__main__":
    main()
