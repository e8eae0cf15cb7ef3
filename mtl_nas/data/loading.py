"""Data sets from a built-in name, a search file, a table, an encoded folder or a DataFrame."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from mtl_nas.data.builtin.registry import BUILTINS, with_builtin
from mtl_nas.data.columns.encoding import with_text_names
from mtl_nas.data.dataset import Dataset, RawRows
from mtl_nas.data.declaration import Declaration, Split
from mtl_nas.data.declaring import Tasks, declared, table_name, with_options
from mtl_nas.data.encoded_dataset import encoded_dataset
from mtl_nas.data.parsing.tables import read_table
from mtl_nas.data.pipeline.file_table import FileTable, refuse_other_test_columns
from mtl_nas.data.pipeline.row_encoding import TableEncoding
from mtl_nas.data.pipeline.table import FrameTable
from mtl_nas.data.pipeline.writer import write_encoded
from mtl_nas.data.storage.encoded_folder import is_encoded
from mtl_nas.data.storage.rows import joined
from mtl_nas.errors import DataError


def load_dataset(
    source: str | Path | pd.DataFrame | Declaration,
    tasks: Tasks | None = None,
    *,
    split: Split | Mapping[str, Any] | None = None,
    ignore: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    sequences: Mapping[str, Mapping[str, Any]] | None = None,
    group: str | None = None,
    weight: str | None = None,
    violations: str | None = None,
) -> Dataset:
    """Load a data set: infer what is not declared, split the rows, compute statistics of the train rows, and encode.

    The keywords are the fields of a search file and win over it.

    Args:
        source: a built-in name, the path of a search file (YAML), of a table or of an encoded folder, a DataFrame, or
            a declaration.
        tasks: names of label columns, or a mapping from task names to options such as ``{"after": "click"}``; an
            option that is left out is inferred from the labels.
        split: a ``Split`` or a mapping of its fields: the rows that train, validate and test, by shares or by the
            column of a time, group or split; at random by default (validation 0.1, test 0.1).
        ignore: columns that are no features.
        columns: kinds of columns: category, number or sequence.
        sequences: histories: name to ``{"items": column, "properties": [...], "length": 50}``.
        group: a column; the rows of each of its values make tasks of their own.
        weight: a column of positive numbers that weigh the rows in the losses.
        violations: labels that break a funnel: refuse, repair or drop; by default up to 1 % of the rows are repaired.

    Returns:
        The data set; ``notes`` says what was inferred, repaired and left out.

    Raises:
        DataError: the table cannot be read, or the declaration does not suit it.

    Example:
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
    }
    if isinstance(source, pd.DataFrame):
        declaration = with_options(Declaration(), tasks, **options)
        return _prepared("frame", FrameTable(with_text_names(source)), declaration)
    declaration = declared(source if isinstance(source, Declaration) else str(source), tasks, **options)
    table, test = declaration.data.table, declaration.data.split.test
    if table is None:
        raise DataError("the declaration names no table (data: table); give a DataFrame to load_dataset itself")
    if is_encoded(table):
        return encoded_dataset(Path(table).expanduser(), declaration)
    if table in BUILTINS:
        frame = with_text_names(BUILTINS[table].table())
        return _prepared(table, FrameTable(frame), with_builtin(BUILTINS[table].declaration, declaration))
    frame = with_text_names(read_table(table))
    if not isinstance(test, str):
        return _prepared(table_name(table), FrameTable(frame), declaration)
    test_frame = with_text_names(read_table(test))
    refuse_other_test_columns(test, list(frame.columns), list(test_frame.columns), declaration.data.ignore)
    both = pd.concat([frame, test_frame.reindex(columns=frame.columns)], ignore_index=True)
    return _prepared(table_name(table), FrameTable(both, test_rows=len(test_frame)), declaration)


def _prepared(name: str, table: FrameTable, declaration: Declaration) -> Dataset:
    """Infer what is not declared, split, compute statistics of the train rows, encode, and look for leaks."""
    encoding = TableEncoding.of(table, declaration)
    parts = dict(encoding.rows())
    tuning = len(parts["tuning"])
    validation = joined([parts.pop("tuning"), parts.pop("choosing")])
    complete, notes = encoding.described(parts["train"])
    return Dataset(
        name=name,
        schema=encoding.schema,
        declaration=complete,
        notes=notes,
        encoded={"train": parts["train"], "validation": validation, "test": parts["test"]},
        tuning=tuning,
        raw=RawRows(table.sample, encoding.survey.parts),
    )


def encode_table(source: str | Path, to: str | Path, tasks: Tasks | None = None, **options: Any) -> Dataset:
    """Encode a table that may be larger than memory into a folder, whose files ``load_dataset`` maps.

    The rows of every split are those of ``load_dataset``. Kinds that nothing declares are inferred from the first
    100,000 rows; of more than 1,000,000 train rows, quantiles are those of a random sample.

    Args:
        source: the path of a table or of a search file.
        to: a folder that does not exist or is empty; it is written completely or not at all.
        tasks: as for ``load_dataset``.
        options: keywords of ``load_dataset``: split, ignore, columns, sequences, group, weight, violations.

    Returns:
        The data set of the folder.

    Raises:
        DataError: the table cannot be read, the declaration does not suit it, or the folder is not empty.

    Example:
        >>> import mtl_nas as mn
        >>> data = mn.encode_table("visits.parquet", "visits", ["click", "buy"])  # doctest: +SKIP
    """
    declaration = declared(str(source), tasks, **options)
    table, test, to = declaration.data.table, declaration.data.split.test, Path(to).expanduser()
    if table is None or table in BUILTINS:
        raise DataError(f"'{source}' is no table on disk; it is loaded as it is")
    if is_encoded(table):
        raise DataError(f"'{table}' is encoded already")
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise DataError(f"'{to}' is there already; give another folder")
    batches = FileTable(table, test if isinstance(test, str) else None, ignore=declaration.data.ignore)
    write_encoded(table_name(table), batches, declaration, to)
    return load_dataset(to)
