"""Notes on standard error: the log of the package, one plain line per record."""

import logging
import sys
from collections.abc import Iterable

from mtl_nas.terminal import print_line

LOG = logging.getLogger("mtl_nas")


class Lines(logging.Handler):
    """Prints records to the current ``sys.stderr``, which a live panel replaces while a search runs."""

    def emit(self, record: logging.LogRecord) -> None:
        print_line(record.getMessage(), file=sys.stderr)


LINES = Lines()


def set_level(*, quiet: bool, verbose: bool) -> None:
    """Log from warnings, if ``quiet``, from details, if ``verbose``, else from notes."""
    LOG.addHandler(LINES)
    LOG.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)


def note(lines: Iterable[str]) -> None:
    """Log lines that are not the result of a command."""
    for line in lines:
        LOG.info("%s", line)


def notes_are_shown() -> bool:
    """Return whether ``--quiet`` was not given."""
    return LOG.isEnabledFor(logging.INFO)


def details_are_shown() -> bool:
    """Return whether ``--verbose`` was given."""
    return LOG.isEnabledFor(logging.DEBUG)
