"""Which precision is faster on this machine: a few steps in both decide.

Products of bfloat16 numbers are twice as fast where a processor has them (AVX-512 BF16, AMX, a GPU) and slower where it
has not; small networks gain nothing anywhere. Weights, tables, moments and losses stay in single precision, so that
scores move by less than seeds move them (tests/test_fast_and_plain.py).
"""

import logging
import time
from collections.abc import Callable
from statistics import median
from typing import Protocol

from mtl_nas.design.training import Precision

STEPS, LAPS = 6, 5  # of each precision, in turn
GAIN = 1.1  # that the lower precision must bring
HOPELESS = 0.5  # of the speed in float32: where it is a twentieth, five laps would take ten seconds
LOG = logging.getLogger(__name__)


class Stepping(Protocol):
    """A fit, as far as it is timed."""

    step: int

    def run(self, stop: int) -> None:
        """Train to that step."""
        ...


def faster(fit: Callable[[Precision], Stepping]) -> Precision:
    """bfloat16 where it is clearly faster than float32, by the medians of alternating laps; said in the log."""
    fits: dict[Precision, Stepping] = {precision: fit(precision) for precision in ("float32", "bfloat16")}
    seconds: dict[Precision, list[float]] = {precision: [] for precision in fits}
    ratio = 1.0
    for one in fits.values():
        one.run(1)  # warms up
    for _ in range(LAPS):
        for precision, one in fits.items():
            start = time.perf_counter()
            one.run(one.step + STEPS)
            seconds[precision].append(time.perf_counter() - start)
        ratio = median(seconds["float32"]) / median(seconds["bfloat16"])
        if ratio < HOPELESS:
            break
    chosen: Precision = "bfloat16" if ratio >= GAIN else "float32"
    LOG.info(f"precision {chosen}: steps in bfloat16 are {ratio:.2f} times as fast as in float32 here")
    return chosen
