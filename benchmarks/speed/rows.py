"""Tables larger than memory: generated rows are encoded, trained from blocks, and measured.

    python -m benchmarks.speed.rows                    # 10^5, 10^6, 10^7 and 10^8 rows; 6 GB of disk
    python -m benchmarks.speed.rows 1e5 1e6 --folder /big

Each row has ten 16-bit columns, most of whose values are rare, and two labels that depend on all of them. An MMoE is
trained on at most two million rows, and the tuning rows are scored. Encoding and training run in processes of their
own, whose anonymous memory (RssAnon) is watched. The rate is compared in turns with that of a million rows in memory,
by the clock and in processor seconds, which other work on the machine disturbs less.
Writes benchmarks/results/rows.json.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow
from pyarrow import parquet

import mtl_nas as mn
from benchmarks.machine import machine
from mtl_nas.composition import compose
from mtl_nas.data.storage.rows import Rows, joined
from mtl_nas.design import Losses, Training
from mtl_nas.training import Check, Fit, FitData, Member, batches

RESULTS = Path(__file__).parents[1] / "results"
SIZES = (10**5, 10**6, 10**7, 10**8)
IN_MEMORY = 10**6  # rows of the table that the rate is compared with
COLUMNS, IDS = [f"c{place}" for place in range(10)], 60_000
WRITTEN = 2**20  # rows at once
TRAINED, TURNS, LAP = 2_000_000, 12, 200_000  # rows
BATCH = 4096  # so that steps are not mostly the optimizer's over embedding tables
TASKS = {"click": {"kind": "binary"}, "like": {"kind": "binary"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", type=lambda text: int(float(text)), default=SIZES)
    parser.add_argument("--folder", help="for the tables; a temporary one, removed at the end, if not given")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        with watched() as peak:
            found = PARTS[options.part](Path(options.folder), options.rows[0])
        print(json.dumps(found | {"peak_anonymous_gib": round(peak() / 2**30, 3)}))
        return
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="rows-") as folder:
        sizes = sorted({IN_MEMORY, *options.rows})
        lines = [measured(Path(folder), rows) for rows in sorted(sizes, key=lambda rows: rows != IN_MEMORY)]
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": machine(), "tables": sorted(lines, key=lambda line: line["rows"])}
    (RESULTS / "rows.json").write_text(json.dumps(found, indent=1) + "\n")


def measured(folder: Path, rows: int) -> dict[str, Any]:
    """Each part in a process of its own."""
    line: dict[str, Any] = {"rows": rows}
    for part in PARTS:
        words = [sys.executable, "-m", "benchmarks.speed.rows", str(rows), "--folder", str(folder), "--part", part]
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
        line[part] = json.loads(done.stdout.splitlines()[-1])
        print(rows, part, line[part], flush=True)
    return line


def generated(folder: Path, rows: int) -> dict[str, Any]:
    """The table, in blocks."""
    random = np.random.default_rng(0)
    effects = random.normal(size=(2, len(COLUMNS), IDS)).astype(np.float32)
    start, writer = time.perf_counter(), None
    for first in range(0, rows, WRITTEN):
        count = min(WRITTEN, rows - first)
        ids = (random.random((len(COLUMNS), count)) ** 4 * IDS).astype(np.uint16)
        columns: dict[str, Any] = dict(zip(COLUMNS, ids, strict=True))
        scores = np.stack([effects[:, place, column] for place, column in enumerate(ids)]).sum(axis=0) / 2
        for task, score in zip(TASKS, scores, strict=True):
            columns[task] = (random.logistic(size=count) < score - 1).astype(np.uint8)
        block = pyarrow.table(columns)
        writer = writer or parquet.ParquetWriter(folder / f"{rows}.parquet", block.schema)
        writer.write_table(block)
    assert writer is not None
    writer.close()
    return {"rows_per_second": round(rows / (time.perf_counter() - start))}


def encoded(folder: Path, rows: int) -> dict[str, Any]:
    start = time.perf_counter()
    table, to = folder / f"{rows}.parquet", folder / str(rows)
    mn.encode(table, to, TASKS, columns=dict.fromkeys(COLUMNS, "category"))
    seconds = time.perf_counter() - start
    size = sum(file.stat().st_size for file in to.rglob("*.npy"))
    table.unlink()
    return {"rows_per_second": round(rows / seconds), "seconds": round(seconds, 1), "bytes_a_row": size / rows}


def trained(folder: Path, rows: int) -> dict[str, Any]:
    """Streamed whatever the size, with every tuning row scored."""
    batches.RESIDENT_BYTES = 0
    data = mn.load_dataset(folder / str(rows))
    member = begun(data, data.rows("train"), data.rows("tuning"))
    score = advanced(member, min(1.0, TRAINED / (member.train_rows * member.steps / member.steps_per_epoch)))
    return {"trained": member.rows, "score": score, "rows_per_second": round(member.rows_per_second)}


def compared(folder: Path, rows: int) -> dict[str, Any]:
    """Laps in turns with a million rows in memory, and both feeds alone."""
    small, data = (mn.load_dataset(folder / str(size)) for size in (IN_MEMORY, rows))
    resident = begun(small, joined([small.rows("train")]), small.rows("tuning").take(slice(None, 2_000)))
    batches.RESIDENT_BYTES = 0
    streamed = begun(data, data.rows("train"), data.rows("tuning").take(slice(None, 2_000)))
    rates: dict[str, list[tuple[float, float]]] = {"in_memory": [], "streamed": []}
    for turn in range(TURNS):
        pair = [("in_memory", resident), ("streamed", streamed)]
        for name, member in pair if turn % 2 else reversed(pair):
            rates[name].append(lap(member))
    later = {name: found[1:] for name, found in rates.items()}  # the first warms up
    pairs = list(zip(later["streamed"], later["in_memory"], strict=True))
    return {
        **{f"{name}_rows_per_second": round(median(rate for rate, _ in found)) for name, found in later.items()},
        **{f"{name}_rows_per_cpu_second": round(median(rate for _, rate in found)) for name, found in later.items()},
        "ratio": round(median(streamed[0] / resident[0] for streamed, resident in pairs), 3),
        "cpu_ratio": round(median(streamed[1] / resident[1] for streamed, resident in pairs), 3),
        **{f"{name}_feed_rows_per_second": round(fed(member)) for name, member in pair},
    }


def agreed(folder: Path, rows: int) -> dict[str, Any]:
    """Scores of one pass on three seeds, in memory and streamed."""
    if rows != IN_MEMORY:
        return {}
    batches.RESIDENT_BYTES = 0
    data = mn.load_dataset(folder / str(rows))
    scores: dict[str, list[float]] = {}
    for name, train in (("in_memory", joined([data.rows("train")])), ("streamed", data.rows("train"))):
        for seed in range(3):
            member = begun(data, train, data.rows("tuning"), epochs=1.0, seed=seed)
            scores.setdefault(name, []).append(advanced(member, 1.0))
    return scores


def begun(data: mn.Dataset, train: Rows, tuning: Rows, *, epochs: float = 40.0, seed: int = 0) -> Member:
    graph = compose(mn.preset("mmoe", data.schema), data.schema)
    training = Training(epochs=epochs, batch_size=BATCH, seed=seed)
    return Member(graph, Losses(), training, FitData(data.schema, train, tuning))


def advanced(member: Member, share: float) -> float:
    """The best score at a share of the work."""
    (check,) = Fit(member).advance(share)
    assert isinstance(check, Check)
    return round(check.score, 4)


def lap(member: Member) -> tuple[float, float]:
    """Rows a second and a processor second of so many steps, without the look at the tuning rows."""
    before, start, used = member.step, time.perf_counter(), time.process_time()
    Fit(member).run(before + math.ceil(LAP / member.batch_size))
    rows = (member.step - before) * member.batch_size
    return rows / (time.perf_counter() - start), rows / (time.process_time() - used)


def fed(member: Member) -> float:
    """Rows per second of the batches alone."""
    steps, start = math.ceil(4 * LAP / member.batch_size), time.perf_counter()
    for step in range(member.step, member.step + steps):
        member.batches.batch(step)
    return steps * member.batch_size / (time.perf_counter() - start)


@contextmanager
def watched() -> Iterator[Any]:
    """The most anonymous memory that this process had, in bytes."""
    most, ended = 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.02):
            most = max(most, anonymous())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield lambda: max(most, anonymous())
    finally:
        ended.set()
        thread.join()


def anonymous() -> int:
    """Bytes of RssAnon."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


PARTS = {"generated": generated, "encoded": encoded, "trained": trained, "compared": compared, "agreed": agreed}

if __name__ == "__main__":
    main()
