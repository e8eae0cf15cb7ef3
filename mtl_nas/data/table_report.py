"""What can be said of a table before a search file exists, also of one that would be refused."""

from typing import Any, NamedTuple

from mtl_nas.data.columns.inference import EmptyColumnsError
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.declaring import Tasks, declared
from mtl_nas.data.files.location import TableNotFoundError
from mtl_nas.data.loading import load_dataset, read_table
from mtl_nas.data.parsing.levels import without_marks
from mtl_nas.data.pipeline.row_encoding import Description, TableEncoding
from mtl_nas.data.pipeline.table import FrameTable
from mtl_nas.data.profiling.table_profile import TableProfile
from mtl_nas.data.storage.rows import joined
from mtl_nas.errors import DataError


class TableReport(NamedTuple):
    """The inferred declaration of a table, its profile, notes, and why it is refused as it stands; None: it is not."""

    declaration: Declaration
    profile: TableProfile
    notes: tuple[str, ...]
    problem: str | None


def report_on_table(source: Any, tasks: Tasks | None = None, **options: Any) -> TableReport:
    """Infer what can be inferred from a table; columns without a value are ignored.

    Args:
        source: a table, as ``load_dataset`` takes it.
        tasks: as for ``load_dataset``.
        options: keywords of ``load_dataset``.

    Returns:
        The report; ``problem`` says why ``load_dataset`` refuses the table, where a change of the declaration helps:
        another split, or fewer columns.

    Raises:
        DataError: the table cannot be read, or its labels are no labels.
    """
    notes: tuple[str, ...] = ()
    try:
        try:
            data = load_dataset(source, tasks, **options)
        except EmptyColumnsError as empty:
            options["ignore"] = [*(options.get("ignore") or ()), *empty.columns]
            notes = tuple(f"column '{name}' is left out: it has no value in any row" for name in empty.columns)
            data = load_dataset(source, tasks, **options)
    except TableNotFoundError:
        raise
    except DataError as problem:
        try:
            refused = _description_of_all_rows(declared(source, tasks, **options))
        except DataError:
            raise problem from None
        return TableReport(refused.declaration, refused.profile, (*notes, *refused.notes), str(problem))
    if data.profile is None:
        raise DataError(f"'{source}' holds no table to report on; load it as it is")
    return TableReport(data.declaration, data.profile, (*notes, *data.notes), None)


def _description_of_all_rows(declaration: Declaration) -> Description:
    """The description of a table whose split is refused, as if every row trained."""
    data = declaration.data
    paths = [data.table, *([data.split.test] if isinstance(data.split.test, str) else [])]
    tables = [without_marks(read_table(path), data.missing) for path in paths if path is not None]
    encoding = TableEncoding.whole(FrameTable(*tables), declaration)
    rows = joined([rows for _, rows in encoding.rows() if len(rows)])
    return encoding.described_train_rows(rows)[0]
