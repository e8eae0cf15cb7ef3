"""The files of benchmarks/results/. Not a command: every benchmark saves its results with ``save``."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def save(path: Path, results: dict[str, Any]) -> None:
    """Write results as JSON, and make the folder if it is missing."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def load(path: Path, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """Read saved results; a missing file gives ``default``, or an error without a default."""
    if default is not None and not path.exists():
        return default
    results: dict[str, Any] = json.loads(path.read_text())
    return results
