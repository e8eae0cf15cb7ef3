"""Rows a second of a training step: ours, torch-rechub's, deepctr-torch's, in fresh processes that alternate.

    python -m benchmarks.speed.step                         # some 40 minutes; needs requirements-oracle.lock
    python -m benchmarks.speed.step --models mmoe --batches 1024 --rounds 3

One table, one model, one batch size, one thread for all; whole epochs after a warm-up, data loading included,
evaluation left out. Beside them the peers' models alone, on tensors that are there. Prints tables, and writes
benchmarks/results/step.json; ``python -m benchmarks.speed.report`` writes them into docs/results/speed.md.
"""

import argparse
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.speed.alternating import alternated
from benchmarks.speed.ours import graph
from benchmarks.speed.report import step_tables
from benchmarks.speed.sizes import ROWS, Call, Measured, Sizes

KEPT = Path(__file__).parents[1] / "results" / "step.json"
PEERS = ("torch-rechub", "deepctr-torch")
LARGE = 4_096  # of our own share of the matrix products
Kept = dict[str, Any]


def precisions() -> tuple[str, ...]:
    """What a training may ask for, but for double precision."""
    known = get_args(mn.Training.model_fields["precision"].annotation)
    return tuple(name for name in known if name != "float64")


def sides(sizes: Sizes, measured: Measured, asked: tuple[str, ...], *, compiled: bool = False) -> dict[str, Call]:
    """Ours in every precision and with batch normalisation, the peers as they are used, and their models alone."""
    calls = {f"ours, {name}": Call("ours", sizes, replace(measured, precision=name)) for name in asked}
    calls["ours, float32, batch norm"] = Call("ours", sizes, replace(measured, norm="batch"))
    if compiled:
        calls["ours, float32, torch.compile"] = Call("ours", sizes, replace(measured, compiled=True))
    for peer in PEERS:
        calls[peer] = Call(peer, sizes, measured)
        calls[f"{peer}, step alone"] = Call(f"{peer}, step alone", sizes, measured)
    return calls


def large(sizes: Sizes, measured: Measured, asked: tuple[str, ...]) -> dict[str, Call]:
    """Ours and the machine's matrix products in turn."""
    calls: dict[str, Call] = {}
    for name in asked:
        here = replace(measured, batch=LARGE, precision=name)
        calls[f"ours, {name}"] = Call("ours", sizes, here)
        calls[f"matrix products, {name}"] = Call("matrix products", sizes, here)
    return calls


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    found = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--models", nargs="+", choices=("mmoe", "ple"), default=["mmoe", "ple"])
    found.add_argument("--batches", nargs="+", type=int, default=[256, 1_024])
    found.add_argument("--rounds", type=int, default=5)
    found.add_argument("--threads", type=int, default=1)
    found.add_argument("--seconds", type=float, default=3.0, help="of each measurement, after its warm-up")
    found.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu", "cuda"])
    found.add_argument("--precisions", nargs="+", default=list(precisions()))
    found.add_argument("--compiled", action="store_true", help="ours by torch.compile too; a minute before each")
    found.add_argument("--kept", type=Path, default=KEPT)
    return found


def main() -> None:
    options = parser().parse_args()
    console, asked = Console(width=170), tuple(options.precisions)
    kept: Kept = {"machine": machine(*PEERS), "threads": options.threads, "rounds": options.rounds, "cases": []}
    for device in options.devices:
        if device == "cuda" and not torch.cuda.is_available():
            console.print("no GPU: measured on the processor alone")
            continue
        for model in options.models:
            sizes = Sizes(model=model, rows=ROWS[device])
            for batch in (*options.batches, LARGE):
                here = Measured(batch=batch, threads=options.threads, device=device, seconds=options.seconds)
                beside = partial(sides, compiled=options.compiled)
                calls = (large if batch == LARGE else beside)(sizes, here, asked)
                console.print(f"{model}, batch {batch}, {device}")
                rates = alternated(calls, options.rounds, said=console.print)
                case = {"model": model, "batch": batch, "device": device, "rates": rates}
                kept["cases"].append({**case, "sizes": asdict(sizes), "macs": graph(sizes).macs})
                options.kept.parent.mkdir(exist_ok=True)
                options.kept.write_text(json.dumps(kept, indent=1) + "\n")
    for table in step_tables(kept):
        console.print(table.rich())


if __name__ == "__main__":
    main()
