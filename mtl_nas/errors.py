"""Every error that is a user's to mend; the command line prints it on one line and exits with 2."""


class MtlNasError(Exception):
    """Bad input: names the thing, the rule, the value and the way out."""


class DataError(MtlNasError):
    """A table, a column, a split or a task that cannot be used."""


class ArchitectureError(MtlNasError):
    """A graph that no model can be built from."""


class DesignError(MtlNasError):
    """A design that does not fit the schema."""


class SpaceError(MtlNasError):
    """A search space that is wrong as it is written."""


class RunError(MtlNasError):
    """A run folder that cannot be opened or continued."""


class ExportError(MtlNasError):
    """A model folder that cannot be written or read."""
