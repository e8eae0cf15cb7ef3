"""The faster precision on this machine, decided by timing a few steps in each.

Matrix products in bfloat16 are twice as fast on processors with instructions for them (AVX-512 BF16, AMX, a GPU) and
slower on others; small networks gain on none. Weights, tables, optimizer state and losses stay in single precision, so
that scores change by less than seeds change them (tests/training/test_fast_and_plain.py).
"""

import logging
import time
from collections.abc import Callable
from statistics import median

from mtl_nas.architecture import Architecture
from mtl_nas.design import Losses, Precision, Training
from mtl_nas.training.fit import Fit
from mtl_nas.training.fit_data import FitData, FitOptions
from mtl_nas.training.member import Member

STEPS, LAPS = 6, 5  # steps per lap, and laps of each precision in turn
TIMED_BATCHES = 16  # batches of rows that the timed steps read
GAIN = 1.1  # speed of bfloat16 relative to float32 from which bfloat16 is chosen
HOPELESS = 0.5  # relative speed below which timing ends after a lap, as slow laps may take seconds each
LOG = logging.getLogger(__name__)


def settled(
    training: Training, architecture: Architecture, losses: Losses, data: FitData, *, device: str = "cpu"
) -> Training:
    """Return the training with ``precision: auto`` replaced by the faster precision on this machine."""
    if training.precision != "auto":
        return training
    precision = faster_precision(training, architecture, losses, data, device=device)
    return training.model_copy(update={"precision": precision})


def faster_precision(
    training: Training, architecture: Architecture, losses: Losses, data: FitData, *, device: str = "cpu"
) -> Precision:
    """Return bfloat16 if some steps of a training on few rows are clearly faster in it, else float32."""
    _, batch_size = training.work(len(data.train))
    rows = data.train.take(slice(None, TIMED_BATCHES * batch_size))
    few = FitData(data.schema, rows, rows.take(slice(None, 1)))

    def fit(precision: Precision) -> Fit:
        changes = {"precision": precision, "batch_size": batch_size, "epochs": 1000.0}
        return Fit(Member(architecture, losses, training.model_copy(update=changes), few, FitOptions(device=device)))

    return faster(fit)


def faster(fit: Callable[[Precision], Fit]) -> Precision:
    """Return the faster precision by the median times of alternating laps; log the choice."""
    fits: dict[Precision, Fit] = {precision: fit(precision) for precision in ("float32", "bfloat16")}
    seconds: dict[Precision, list[float]] = {precision: [] for precision in fits}
    ratio = 1.0
    for timed in fits.values():
        timed.run(1)  # warms up
    for _ in range(LAPS):
        for precision, timed in fits.items():
            start = time.perf_counter()
            timed.run(timed.step + STEPS)
            seconds[precision].append(time.perf_counter() - start)
        ratio = median(seconds["float32"]) / median(seconds["bfloat16"])
        if ratio < HOPELESS:
            break
    chosen: Precision = "bfloat16" if ratio >= GAIN else "float32"
    LOG.info(f"precision {chosen}: steps in bfloat16 are {ratio:.2f} times as fast as in float32 here")
    return chosen
