"""Measurements in turn, each in a fresh process: A B C, A B C ...; what is reported are ratios of neighbours.

On a machine that does other work beside, neighbours share the noise, and medians of their ratios stand still.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.speed.sizes import Call

Rates = dict[str, list[float]]


@dataclass(frozen=True)
class Ratio:
    """The least, the median and the largest of paired ratios."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        """``2.50 (2.41-2.66)``."""
        return f"{self.middle:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Of each pair.

    >>> str(ratio([2.0, 3.0, 4.0], [1.0, 1.0, 4.0]))
    '2.00 (1.00-3.00)'
    """
    found = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(min(found), median(found), max(found))


def alternated(
    calls: Mapping[str, Call], rounds: int, *, said: Callable[[str], None] = print, run: Any = None
) -> Rates:
    """Every call once a round, in their order; a call's rates by its label."""
    rates: Rates = {label: [] for label in calls}
    for number in range(rounds):
        for label, call in calls.items():
            rates[label].append((run or measured)(call))
            said(f"round {number + 1}: {label} {rates[label][-1]:,.0f}")
    return rates


def measured(call: Call) -> float:
    """What a fresh process measures."""
    threads = str(call.measured.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    command = [sys.executable, "-m", "benchmarks.speed.once", json.dumps(call.tree())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{call.side} failed: {done.stderr.strip().splitlines()[-1:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["rate"])


def verdict(found: float, target: float, *, below: bool = False) -> str:
    """Met, or by how much it is missed; ``below``: less is better.

    >>> verdict(3.6, 3.5), verdict(2.8, 3.5), verdict(7.15, 6.5, below=True)
    ('met', 'missed by 20 %', 'missed by 10 %')
    """
    if found <= target if below else found >= target:
        return "met"
    return f"missed by {abs(found / target - 1):.0%}".replace("%", " %")
