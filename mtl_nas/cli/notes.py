"""Notes on standard error: what the package logs, a plain line each."""

import logging
import sys
from collections.abc import Iterable

LOG = logging.getLogger("mtl_nas")


class Lines(logging.Handler):
    """Print records to what standard error is at that moment: a live panel replaces it while a search runs."""

    def emit(self, record: logging.LogRecord) -> None:
        print(record.getMessage(), file=sys.stderr)


LINES = Lines()


def set_level(*, quiet: bool, verbose: bool) -> None:
    """Log warnings alone, or details too."""
    LOG.addHandler(LINES)
    LOG.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)


def note(lines: Iterable[str]) -> None:
    """Print lines that are no result."""
    for line in lines:
        LOG.info("%s", line)


def notes_are_shown() -> bool:
    """Return whether ``--quiet`` was not given."""
    return LOG.isEnabledFor(logging.INFO)


def details_are_shown() -> bool:
    """Return whether ``--verbose`` was given."""
    return LOG.isEnabledFor(logging.DEBUG)
