"""Data sets from a built-in name, a search file, a table, an encoded folder or a DataFrame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mtl_nas.data.builtin.registry import BUILTINS, with_builtin
from mtl_nas.data.columns.fitting import with_fits
from mtl_nas.data.dataset import Dataset, RawRows
from mtl_nas.data.declaration import Declaration, Split
from mtl_nas.data.declaring import Tasks, declared, naming_search_file, with_options
from mtl_nas.data.encoded_dataset import encoded_dataset
from mtl_nas.data.files.formats import open_table
from mtl_nas.data.folded_dataset import folded
from mtl_nas.data.parsing.frames import is_frame, raw_table
from mtl_nas.data.parsing.levels import without_marks
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.pipeline.file_table import FileTable, refuse_other_test_columns
from mtl_nas.data.pipeline.row_encoding import TableEncoding
from mtl_nas.data.pipeline.table import FrameTable
from mtl_nas.data.pipeline.writer import write_encoded
from mtl_nas.data.source import Query, table_name, table_source
from mtl_nas.data.storage.encoded_folder import is_encoded
from mtl_nas.data.storage.rows import Rows, joined
from mtl_nas.errors import DataError


def load_dataset(
    source: Any,
    tasks: Tasks | None = None,
    *,
    split: Split | Mapping[str, Any] | None = None,
    ignore: Sequence[str] | None = None,
    columns: Mapping[str, str | Mapping[str, Any]] | None = None,
    sequences: Mapping[str, Mapping[str, Any]] | None = None,
    group: str | None = None,
    weight: str | None = None,
    violations: str | None = None,
    missing: Sequence[Any] | Mapping[str, Sequence[Any]] | None = None,
) -> Dataset:
    """Load a data set: infer what is not declared, split the rows, compute statistics of the train rows, and encode.

    The keywords are the fields of a search file and win over it.

    Args:
        source: a built-in name, the path of a search file (YAML), of a table or of an encoded folder, a list of paths,
            a mapping ``{"query": ..., "database": ...}``, a frame (pandas, polars, Arrow, a DuckDB relation), or a
            declaration.
        tasks: names of label columns, or a mapping from task names to options such as ``{"after": "click"}``; an
            option that is left out is inferred from the labels.
        split: a ``Split`` or a mapping of its fields: the rows that train, validate and test, by shares or by the
            column of a time, group or split, or in folds; at random by default (validation 0.1, test 0.1).
        ignore: columns that are no features.
        columns: kinds of columns: category, number, sequence or time; or the features of a time, such as
            ``{"time": ["hour", "weekday"], "zone": "Europe/Berlin"}``.
        sequences: histories: name to ``{"items": column, "properties": [...], "length": 50}``.
        group: a column; the rows of each of its values make tasks of their own.
        weight: a column of positive numbers that weigh the rows in the losses.
        violations: labels that break a funnel: refuse, repair or drop; by default up to 1 % of the rows are repaired.
        missing: values that say that a value is missing, such as ``[-1]``; or a mapping from columns to such values.

    Returns:
        The data set; ``notes`` says what was inferred, repaired and left out.

    Raises:
        DataError: the table cannot be read, or the declaration does not suit it.

    Example:
        >>> import pandas as pd
        >>> table = pd.DataFrame({"hour": range(100), "shop": ["a", "b"] * 50, "click": [0, 1, 1, 0] * 25})
        >>> load_dataset(table, ["click"])
        Dataset(frame: 80 + 10 + 10 rows; 1 category, 1 number, 0 sequences; task click)
    """
    options = {
        "split": split,
        "ignore": ignore,
        "columns": columns,
        "sequences": sequences,
        "group": group,
        "weight": weight,
        "violations": violations,
        "missing": missing,
    }
    if is_frame(source):
        declaration = with_options(Declaration(), tasks, **options)
        return _prepared("frame", raw_table(source), declaration)
    declaration = declared(source, tasks, **options)
    table, test = declaration.data.table, declaration.data.split.test
    if table is None:
        raise DataError("the declaration names no table (data: table); give a frame to load_dataset itself")
    if isinstance(table, str) and is_encoded(table):
        return encoded_dataset(Path(table).expanduser(), declaration)
    if isinstance(table, str) and table in BUILTINS:
        complete = with_builtin(BUILTINS[table].declaration, declaration)
        return _prepared(table, raw_table(BUILTINS[table].table()), complete)
    try:
        with naming_search_file(source):
            rows = _read(table, "data.table")
            test_rows = None if isinstance(test, float) else _read(test, "data.split.test")
        if test_rows is None or isinstance(test, float):
            return _prepared(table_name(table), rows, declaration)
        refuse_other_test_columns(test, rows.names, test_rows.names, declaration.data.ignore)
        return _prepared(table_name(table), rows, declaration, test_rows)
    except MemoryError:
        raise DataError(
            f"table '{table_name(table)}' takes more memory than there is; read it in batches: mtl-search encode"
        ) from None


def read_table(source: Any, *, may_be_empty: bool = False) -> RawTable:
    """Read a whole table; a text table is text, whatever its fields spell.

    Args:
        source: a path, a list of paths or a mapping with a query, as for ``load_dataset``.
        may_be_empty: whether a table of column names alone is read, too.

    Raises:
        DataError: there is no such table, it cannot be read, or it is empty.
    """
    return _read(table_source(source), may_be_empty=may_be_empty)


def _read(source: str | tuple[str, ...] | Query, key: str | None = None, *, may_be_empty: bool = False) -> RawTable:
    file = open_table(source, key=key)
    table = RawTable.of(file.read())
    if not len(table) and not may_be_empty:
        raise DataError(f"'{file.name}' is an empty table")
    return table


def _prepared(name: str, rows: RawTable, declaration: Declaration, test: RawTable | None = None) -> Dataset:
    """Infer what is not declared, split, compute statistics of the train rows, encode, and look for leaks."""
    tables = [part for part in (rows, test) if part is not None]
    table = FrameTable(*(without_marks(part, declaration.data.missing) for part in tables))
    encoding = TableEncoding.of(table, declaration)
    batches: dict[str, list[Rows]] = {}
    for part, rows_of_part in encoding.rows():
        batches.setdefault(part, []).append(rows_of_part)
    parts = {part: joined(encoded) for part, encoded in batches.items()}
    tuning, survey = len(parts["tuning"]), encoding.survey
    validation = joined([parts.pop("tuning"), parts.pop("choosing")])
    train = parts["train"] if survey.fold is None else validation
    encoded = {"train": train, "validation": validation, "test": parts["test"]}
    description = encoding.described(encoded)
    data = Dataset(
        name=name,
        schema=with_fits(encoding.schema, train, labels=survey.fold is None),
        declaration=description.declaration,
        notes=description.notes,
        encoded=encoded,
        tuning=tuning,
        raw=RawRows(tuple(tables), survey.parts, description.profile),
    )
    return data if survey.fold is None else folded(data, survey.fold[survey.parts["train"]])


def encode_table(source: Any, to: str | Path, tasks: Tasks | None = None, **options: Any) -> Dataset:
    """Encode a table that may be larger than memory into a folder, whose files ``load_dataset`` maps.

    The rows of every split and the columns of the schema are those of ``load_dataset``; of more than
    1,000,000 train rows, quantiles are those of a random sample.

    Args:
        source: the path of a table or of a search file, a list of paths, or a mapping with a query.
        to: a folder that does not exist or is empty; it is written completely or not at all.
        tasks: as for ``load_dataset``.
        options: keywords of ``load_dataset``: split, ignore, columns, sequences, group, weight, violations,
            missing.

    Returns:
        The data set of the folder.

    Raises:
        DataError: the table cannot be read, the declaration does not suit it, or the folder is not empty.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.encode_table("visits.parquet", "visits", ["click", "buy"])  # doctest: +SKIP
    """
    declaration = declared(source, tasks, **options)
    table, test, to = declaration.data.table, declaration.data.split.test, Path(to).expanduser()
    if table is None or table in BUILTINS:
        raise DataError(f"'{source}' is no table on disk; it is loaded as it is")
    if isinstance(table, str) and is_encoded(table):
        raise DataError(f"'{table}' is encoded already")
    if declaration.data.split.folds is not None:
        raise DataError("folds are for tables that are small enough for memory; encode with split: random, or load it")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(f"'{to}' is there already; give another folder")
    data = declaration.data
    with naming_search_file(source):
        batches = FileTable(table, None if isinstance(test, float) else test, ignore=data.ignore, missing=data.missing)
    write_encoded(table_name(table), batches, declaration, to)
    return load_dataset(to)
