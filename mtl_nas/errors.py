"""Errors that a user can correct; the command line prints them on one line and exits with code 2."""


class MtlNasError(Exception):
    """An input that cannot be used; the message names the thing, the rule, the value and the remedy."""


class DataError(MtlNasError):
    """A table, a column, a split or a task that cannot be used."""


class ArchitectureError(MtlNasError):
    """A graph from which no model can be built, or which was made for other data."""


class DesignError(MtlNasError):
    """A design, or options of its training, that do not fit the tasks and columns of the data."""


class SpaceError(MtlNasError):
    """A search space that is not valid, or of which no draw fits the data."""


class RunError(MtlNasError):
    """A run folder that cannot be opened or continued, or a search that cannot go on."""


class ExportError(MtlNasError):
    """A model folder that cannot be written or read."""
