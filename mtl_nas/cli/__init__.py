"""The command line.

An error that the user can correct is one line on standard error, with exit code 2. Any other error is a bug and ends in
a traceback.
"""

import errno
import io
import os
import sys
import traceback
import warnings
from typing import Any

from mtl_nas.cli.app import app
from mtl_nas.cli.notes import details_are_shown
from mtl_nas.cli.signals import stopped_by_signals
from mtl_nas.errors import MtlNasError
from mtl_nas.terminal import print_line

CLOSED_PIPE = 141  # exit code of a command whose reader closed the pipe, as shells report it


def main() -> None:
    """Run ``mtl-search``."""
    warnings.showwarning = _print_warning  # type: ignore[assignment]  # prints neither the category nor the line
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a console that cannot print a character prints ? in its place
            stream.reconfigure(errors="replace")
    with stopped_by_signals():
        try:
            _run()
        except BrokenPipeError:  # the reader, such as ``head``, has read enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(CLOSED_PIPE)
        except MtlNasError as problem:
            _stop(str(problem))
        except OSError as problem:
            _stop(_refused(problem))
        except (MemoryError, RuntimeError) as problem:
            if not (isinstance(problem, MemoryError) or "can't allocate memory" in str(problem)):  # of torch
                raise
            _stop("memory is short: search or load a smaller model or table, or use fewer workers")


def _run() -> None:
    try:
        app()
    finally:
        sys.stdout.flush()  # here, where a closed pipe is caught


def _refused(problem: OSError) -> str:
    """An error of the operating system in one line."""
    if problem.errno == errno.ENOSPC or "No space left" in str(problem):
        return "no space is left on the disk; nothing that was there is lost: make room and repeat the command"
    reason = (problem.strerror or str(problem).splitlines()[0]).lower()
    return reason if problem.filename is None else f"'{problem.filename}' cannot be used: {reason}"


def _stop(message: str) -> None:
    """End with a message of one line; only that of an error in trials, which begins with its trace, has several."""
    if not message.startswith("Traceback"):
        message = message.replace("\n", "\\n")  # of names that have several lines
    if details_are_shown():
        traceback.print_exc()
    print_line(f"mtl-search: {message}", file=sys.stderr)
    sys.exit(2)


def _print_warning(message: Warning | str, *_: Any) -> None:
    print_line(f"mtl-search: note: {message}", file=sys.stderr)


__all__ = ["app", "main"]
