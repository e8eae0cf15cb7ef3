"""The first pass over a table: kinds of labels and columns, and the rows that train.

One pass reads the labels, the columns that decide the split, and the columns whose kind is inferred; a second one is
needed where ``violations: drop`` leaves rows out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mtl_nas.data.columns.calendar import refuse_zone_of_dates
from mtl_nas.data.columns.inference import infer_columns, refuse_unknown_columns
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.columns.reading import reading_notes, refuse_undeclared_marks, with_marks
from mtl_nas.data.columns.statistics import NumberReading
from mtl_nas.data.declaration import Declaration, Split, TaskDeclaration
from mtl_nas.data.folds import NO_FOLD, draw_folds, fold_note
from mtl_nas.data.parsing.frames import raw_table
from mtl_nas.data.parsing.levels import without_marks
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.pipeline.label_combinations import label_combinations
from mtl_nas.data.pipeline.scan import Scan, scan_table
from mtl_nas.data.pipeline.table import FrameTable, Table
from mtl_nas.data.split_shares import share_notes
from mtl_nas.data.splits import (
    CHOOSING,
    PARTS,
    SPLIT_OF,
    SPLITS,
    TRAIN,
    TUNING,
    Parts,
    refuse_absent_groups,
    split_rows,
)
from mtl_nas.data.tasks.groups import distinct_groups
from mtl_nas.data.tasks.kinds import KINDS, refuse_loss_of_another_kind
from mtl_nas.data.tasks.label_reader import LabelReader, declared_tasks
from mtl_nas.data.tasks.labels import infer_kind
from mtl_nas.data.time_column import TimeColumn
from mtl_nas.errors import DataError

NO_PART = len(PARTS)  # code of a row that is left out


@dataclass(frozen=True)
class Survey:
    """How a table is read, before any statistics: ``part`` (N,) is the index of each row into PARTS."""

    labels: LabelReader
    part: NDArray[np.uint8]
    profiles: Mapping[str, ColumnProfile]  # of numbers, of labels, and of columns whose kind no declaration names
    notes: tuple[str, ...] = ()  # on how columns are read, and on the split
    fold: NDArray[np.uint8] | None = None  # (N,) the fold of each row, where rows are held out in turn

    @property
    def declaration(self) -> Declaration:
        """The declaration, complete with every kind."""
        return self.labels.declaration

    @property
    def parts(self) -> Parts:
        """Row numbers of each part; with folds, all rows that some network is trained on are train rows."""
        parts = {name: np.flatnonzero(self.part == code) for code, name in enumerate(PARTS)}
        if self.fold is not None:
            parts["train"] = np.concatenate([parts["tuning"], parts["choosing"]])
        return parts

    def trains(self, rows: slice) -> NDArray[np.bool_]:
        """Whether each of the rows is a train row."""
        part = self.part[rows]
        trains: NDArray[np.bool_] = part == TRAIN if self.fold is None else np.isin(part, (TUNING, CHOOSING))
        return trains

    def number_reading(self, column: str) -> NumberReading:
        """How a number column is read."""
        profile, declared = self.profiles[column], self.declaration.data.columns[column]
        time = profile.is_time or isinstance(declared, TimeColumn)
        return NumberReading(profile.numbers.origin, time, profile.unit)


def infer(frame: Any, declaration: Declaration) -> Declaration:
    """The declaration with the kind of every column and task; DataError where it does not suit the table."""
    table = FrameTable(without_marks(raw_table(frame), declaration.data.missing))
    inferred, scan = _inferred_tasks(table, declaration, features=True)
    return _with_column_kinds(table, inferred, scan)[0]


def survey(table: Table, declaration: Declaration) -> Survey:
    """Infer what is not declared, and split the rows."""
    with_tasks, scan = _inferred_tasks(table, declaration, features=True)
    return _surveyed(table, *_with_column_kinds(table, with_tasks, scan), scan)


def survey_whole(table: Table, declaration: Declaration) -> Survey:
    """The survey of a table in which every row trains, whatever the split would make of it."""
    with_tasks, scan = _inferred_tasks(table, declaration, features=True)
    complete, notes = _with_column_kinds(table, with_tasks, scan)
    return Survey(_label_reader(complete, scan), np.zeros(scan.rows, dtype=np.uint8), scan.profiles, notes)


def survey_labels(table: Table, declaration: Declaration) -> Survey:
    """The survey of a table whose features another schema describes."""
    with_tasks, scan = _inferred_tasks(table, declaration, features=False)
    return _surveyed(table, with_tasks, (), scan)


def _surveyed(table: Table, declaration: Declaration, notes: tuple[str, ...], scan: Scan) -> Survey:
    reader = _label_reader(declaration, scan)
    part, fold = _split(table, reader, scan)
    notes = (*notes, *_split_notes(declaration.data.split, scan, part))
    return Survey(reader, part, scan.profiles, notes, fold)


def _label_reader(declaration: Declaration, scan: Scan) -> LabelReader:
    columns = declaration.label_columns().values()
    none = RawColumn("", pa.array([], pa.large_string()))
    distinct = {column: scan.labels[column].values if column in scan.labels else none for column in columns}
    origins = {column: scan.profiles[column].numbers.origin for column in columns}
    group = declaration.data.group
    groups = distinct_groups(scan.rules[group]) if group is not None else ()
    return LabelReader(declaration, declared_tasks(distinct, origins, declaration), groups)


def _split_notes(split: Split, scan: Scan, part: NDArray[np.uint8]) -> list[str]:
    if split.folds is not None:
        return [fold_note(split.folds)]
    rows = dict.fromkeys(SPLITS, 0)
    for name, count in zip(PARTS, np.bincount(part, minlength=len(PARTS)).tolist(), strict=False):
        rows[SPLIT_OF[name]] += count
    values = None if split.time is None else scan.rules[split.time].to_numpy()[part != NO_PART]
    return share_notes(split, rows, values)


def _inferred_tasks(table: Table, declaration: Declaration, *, features: bool) -> tuple[Declaration, Scan]:
    """The declaration with the kind of every task; ``features``: profiles of features are made too."""
    refuse_unknown_columns(table.columns, declaration)
    scan = scan_table(table, declaration, features=features)
    tasks = {name: _with_kind(name, task, scan) for name, task in declaration.tasks.items()}
    return declaration.model_copy(update={"tasks": tasks}), scan


def _with_kind(name: str, task: TaskDeclaration, scan: Scan) -> TaskDeclaration:
    labels = scan.labels.get(task.column or name)
    kind = task.settled_kind
    if kind is None:
        assert labels is not None
        labels.refuse_mistakes()
        kind = infer_kind(labels.values, name)
    if labels is not None and KINDS[kind].has_classes:
        labels.refuse_too_many(name)
    if task.loss is not None:
        try:
            refuse_loss_of_another_kind(kind, task.loss)
        except ValueError as problem:
            raise DataError(f"task '{name}': {problem}; or say the kind") from None
    return task.model_copy(update={"kind": kind})


def _with_column_kinds(table: Table, declaration: Declaration, scan: Scan) -> tuple[Declaration, tuple[str, ...]]:
    """The declaration with the kind of every column and the marks of missing values, and notes on them."""
    complete = infer_columns(table.columns, scan.profiles, declaration)
    times = {name: kind for name, kind in declaration.data.columns.items() if isinstance(kind, TimeColumn)}
    declared = [name for name, kind in declaration.data.columns.items() if kind == "number"]
    refuse_undeclared_marks([scan.profiles[name] for name in (*declared, *times)])
    for name, kind in times.items():
        refuse_zone_of_dates(scan.profiles[name], kind)
    features = {name: scan.profiles[name] for name in complete.data.columns if name in scan.profiles}
    missing = with_marks(complete.data.missing, features.values())
    source = complete.data.model_copy(update={"missing": missing})
    return complete.model_copy(update={"data": source}), reading_notes(features.values(), complete.data.columns)


def _split(table: Table, reader: LabelReader, scan: Scan) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The part of each row, and its fold if there are folds."""
    data, rules = reader.declaration.data, scan.rules
    test_rows = table.test_rows if not isinstance(data.split.test, float) else 0
    labels = label_combinations(table, reader, scan.rows) if data.split.stratified else None
    remaining: NDArray[np.int64] | None = None  # row numbers, where some rows are left out
    if reader.declaration.violations == "drop" and reader.funnel:
        columns = list(reader.declaration.label_columns().values())
        sound = np.concatenate([reader.repaired(batch.table).sound for batch in table.batches(columns)])
        test_rows = int(sound[scan.rows - test_rows :].sum())
        remaining, rules = np.flatnonzero(sound), rules[sound].reset_index(drop=True)
        labels = None if labels is None else labels.take(remaining)
    part = np.full(scan.rows, NO_PART, dtype=np.uint8)
    if data.split.folds is not None:
        assert labels is not None
        drawn = draw_folds(rules, data.split, test_rows, labels)
        fold = np.full(scan.rows, NO_FOLD, dtype=np.uint8)
        every = slice(None) if remaining is None else remaining
        part[every], fold[every] = drawn.part, drawn.fold
        return part, fold
    parts = split_rows(rules, data.split, test_rows, labels)
    if data.group is not None:
        refuse_absent_groups(rules[data.group], parts)
    for code, name in enumerate(PARTS):
        part[parts[name] if remaining is None else remaining[parts[name]]] = code
    return part, None
