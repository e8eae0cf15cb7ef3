"""``mtl-search`` whose searches train in its own process, for tests that start it as a program."""

import sys

from tiny_search import RESAMPLES, Here

from mtl_nas.cli import main as typed
from mtl_nas.scoring import bootstrap
from mtl_nas.study.execution import ray_backend


def main() -> None:
    """Run the command of ``sys.argv``."""
    ray_backend.execute = Here()  # type: ignore[assignment]
    bootstrap.REPLICATES = RESAMPLES
    sys.modules["altair"] = None  # type: ignore[assignment]  # as without the extra: a report takes seconds
    typed()
