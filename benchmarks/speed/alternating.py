"""Take measurements in turn, each in a fresh process (A B C, A B C, ...), and compare neighbours by their ratios.

On a machine with other work neighbours share the noise, so that medians of their ratios are stable. Not a command: the
other modules of this folder import it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.speed.measurement import Measurement

Rates = dict[str, list[float]]


@dataclass(frozen=True)
class Ratio:
    """The smallest, the median and the largest of paired ratios."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        """Return text such as ``2.50 (2.41-2.66)``."""
        return f"{self.median:.2f} ({self.low:.2f}-{self.high:.2f})"


def paired_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Ratio:
    """Summarise the ratios of values that were measured side by side.

    >>> str(paired_ratio([2.0, 3.0, 4.0], [1.0, 1.0, 4.0]))
    '2.00 (1.00-3.00)'
    """
    ratios = [above / below for above, below in zip(numerators, denominators, strict=True)]
    return Ratio(min(ratios), median(ratios), max(ratios))


def alternate(
    measurements: Mapping[str, Measurement], rounds: int, *, log: Callable[[str], None] = print, measure: Any = None
) -> Rates:
    """Take every measurement once per round, in the order given, and return the rates by label."""
    rates: Rates = {label: [] for label in measurements}
    for round_index in range(rounds):
        for label, measurement in measurements.items():
            rates[label].append((measure or rate_in_fresh_process)(measurement))
            log(f"round {round_index + 1}: {label} {rates[label][-1]:,.0f}")
    return rates


def rate_in_fresh_process(measurement: Measurement) -> float:
    """Return the median rate that ``measure_once`` measures in a new process."""
    threads = str(measurement.settings.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    command = [sys.executable, "-m", "benchmarks.speed.measure_once", json.dumps(measurement.to_json())]
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if process.returncode:
        raise RuntimeError(f"{measurement.side} failed: {process.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(process.stdout.splitlines()[-1])["rate"])


def verdict(value: float, target: float, *, below: bool = False) -> str:
    """Say whether a target is met or by how much it is missed; with ``below`` smaller values are better.

    >>> verdict(3.6, 3.5), verdict(2.8, 3.5), verdict(7.15, 6.5, below=True)
    ('met', 'missed by 20 %', 'missed by 10 %')
    """
    if value <= target if below else value >= target:
        return "met"
    return f"missed by {abs(value / target - 1):.0%}".replace("%", " %")
