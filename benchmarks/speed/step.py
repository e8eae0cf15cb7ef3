"""Measure rows per second of a training step: ours, torch-rechub's, deepctr-torch's, in alternating fresh processes.

    python -m benchmarks.speed.step                         # some 40 minutes; needs requirements-oracle.lock
    python -m benchmarks.speed.step --models mmoe --batches 1024 --rounds 3

All sides have the same table, model, batch size and number of threads. Whole epochs after a warm-up count, data loading
included, evaluation left out; the peers' models are also measured alone, on tensors in memory. Prints tables, and
writes benchmarks/results/step.json; ``python -m benchmarks.speed.report`` writes them into docs/results/speed.md.
"""

import argparse
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import torch
from rich.console import Console

import mtl_nas as mn
from benchmarks.machine import machine
from benchmarks.result_files import RESULTS, save
from benchmarks.speed.alternating import alternate
from benchmarks.speed.measurement import EPOCH_ROWS, Measurement, Settings, Sizes
from benchmarks.speed.ours import architecture
from benchmarks.speed.report import step_tables

PEERS = ("torch-rechub", "deepctr-torch")
PRODUCTS_BATCH = 4_096  # rows per step where ours is compared with matrix products


def all_precisions() -> tuple[str, ...]:
    """Return the precisions of ``mn.Training`` except double precision."""
    values = get_args(mn.Training.model_fields["precision"].annotation)
    return tuple(name for name in values if name != "float64")


def sides(
    sizes: Sizes, settings: Settings, precisions: tuple[str, ...], *, compiled: bool = False
) -> dict[str, Measurement]:
    """Ours in every precision and with batch normalisation, the peers as users call them, and their models alone."""
    measurements = {
        f"ours, {precision}": Measurement("ours", sizes, replace(settings, precision=precision))
        for precision in precisions
    }
    measurements["ours, float32, batch norm"] = Measurement("ours", sizes, replace(settings, norm="batch"))
    if compiled:
        measurements["ours, float32, torch.compile"] = Measurement("ours", sizes, replace(settings, compiled=True))
    for peer in PEERS:
        measurements[peer] = Measurement(peer, sizes, settings)
        measurements[f"{peer}, step alone"] = Measurement(f"{peer}, step alone", sizes, settings)
    return measurements


def ours_and_products(sizes: Sizes, settings: Settings, precisions: tuple[str, ...]) -> dict[str, Measurement]:
    """Ours and the machine's matrix products in turn, in every precision."""
    measurements: dict[str, Measurement] = {}
    for precision in precisions:
        in_precision = replace(settings, batch=PRODUCTS_BATCH, precision=precision)
        measurements[f"ours, {precision}"] = Measurement("ours", sizes, in_precision)
        measurements[f"matrix products, {precision}"] = Measurement("matrix products", sizes, in_precision)
    return measurements


def argument_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=("mmoe", "ple"), default=["mmoe", "ple"])
    parser.add_argument("--batches", nargs="+", type=int, default=[256, 1_024], help="rows per step")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each measurement after its warm-up")
    parser.add_argument("--devices", nargs="+", choices=("cpu", "cuda"), default=["cpu", "cuda"])
    parser.add_argument("--precisions", nargs="+", default=list(all_precisions()))
    parser.add_argument("--compiled", action="store_true", help="measure ours with torch.compile too, a minute slower")
    parser.add_argument("--output", type=Path, default=RESULTS / "step.json", help="file to write the results to")
    return parser


def main() -> None:
    options = argument_parser().parse_args()
    console, precisions = Console(width=170), tuple(options.precisions)
    results: dict[str, Any] = {
        "machine": machine(*PEERS),
        "threads": options.threads,
        "rounds": options.rounds,
        "cases": [],
    }
    for device in options.devices:
        if device == "cuda" and not torch.cuda.is_available():
            console.print("no GPU: measured on the processor alone")
            continue
        for model in options.models:
            sizes = Sizes(model=model, rows=EPOCH_ROWS[device])
            for batch in (*options.batches, PRODUCTS_BATCH):
                settings = Settings(batch=batch, threads=options.threads, device=device, seconds=options.seconds)
                is_products = batch == PRODUCTS_BATCH
                build = ours_and_products if is_products else partial(sides, compiled=options.compiled)
                console.print(f"{model}, batch {batch}, {device}")
                rates = alternate(build(sizes, settings, precisions), options.rounds, log=console.print)
                case = {"model": model, "batch": batch, "device": device, "rates": rates}
                results["cases"].append({**case, "sizes": asdict(sizes), "macs": architecture(sizes).macs})
                save(options.output, results)
    for table in step_tables(results):
        console.print(table.rich())


if __name__ == "__main__":
    main()
