"""The command line: a user's error is one line on standard error and exit code 2; all else is a bug: a traceback."""

import sys
import warnings
from typing import Any

from mtl_nas.cli.app import app
from mtl_nas.errors import MtlNasError


def main() -> None:
    """Run ``mtl-search``."""
    warnings.showwarning = _print_warning  # type: ignore[assignment]  # the category and the line do not matter
    try:
        app()
    except MtlNasError as problem:
        print(f"mtl-search: {problem}", file=sys.stderr)
        sys.exit(2)
    except OSError as problem:
        if problem.filename is None:
            raise
        print(f"mtl-search: '{problem.filename}' cannot be used: {(problem.strerror or '').lower()}", file=sys.stderr)
        sys.exit(2)


def _print_warning(message: Warning | str, *_: Any) -> None:
    print(f"mtl-search: note: {message}", file=sys.stderr)


__all__ = ["app", "main"]
