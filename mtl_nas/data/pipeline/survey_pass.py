"""A table read in batches -> its schema, and which rows train: what is known before a row is encoded.

One walk over labels and over the column that decides the split, a second one where ``violations: drop`` leaves rows
out, and one over everything that is fitted. What a walk gathers goes through the functions that read whole tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.columns.encoding import feature_columns
from mtl_nas.data.columns.inference import infer, left_out, refuse_unknown
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.pipeline.accumulators import Codes, Labels
from mtl_nas.data.pipeline.incremental_fit import PARTS, Fitting, Goals
from mtl_nas.data.pipeline.table_batches import Batches, numbered
from mtl_nas.data.preparation import refuse_equal_predictions
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import parts, refuse_absent_groups, times
from mtl_nas.data.tasks.funnel import verdict
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.data.tasks.labels import distinct_kind
from mtl_nas.data.tasks.targets import declared_tasks, found_groups, funnel
from mtl_nas.errors import DataError

DROPPED = len(PARTS)  # the mark of a row that is in no part


@dataclass(frozen=True)
class Survey:
    """What encoding needs to know of a table; ``part`` (N,) places each row in PARTS."""

    goals: Goals
    schema: Schema
    part: NDArray[np.uint8]
    notes: tuple[str, ...]

    @property
    def declaration(self) -> Declaration:
        """With every kind."""
        return self.goals.declaration


def survey(batches: Batches, said: Declaration) -> Survey:
    """Infer, split, fit on the train rows."""
    refuse_unknown(batches.columns, said)
    seen = _looked_at(batches, said)
    declaration = _inferred(batches, said, seen)
    empty = pd.Series([], dtype=object)
    labels = {
        column: seen.labels[column].values if column in seen.labels else empty
        for column in declaration.label_columns().values()
    }
    tasks = declared_tasks(labels, declaration)
    group = declaration.data.group
    goals = Goals(declaration, tasks, found_groups(seen.rules[group]) if group is not None else ())
    part = _parted(batches, goals, seen)
    fitting = Fitting(goals, batches)
    for batch in batches(fitting.columns):
        with numbered(batch.first):
            fitting.add(batch, part[batch.first : batch.first + len(batch.frame)])
    features, notes = fitting.features(declared=said.data.columns, sample=batches.sample)
    categories, numbers, sequences = features
    if not (categories or numbers or sequences):
        raise DataError("no column is left to predict from: every one is constant")
    repairs = verdict(fitting.counts, funnel(tasks), seen.rows, declaration.violations)
    schema = Schema(categories=categories, numbers=numbers, sequences=sequences, tasks=fitting.tasks())
    refuse_equal_predictions(schema)
    return Survey(goals, schema, part, (*repairs, *notes))


@dataclass
class _Seen:
    """What the first walk found: labels, and the columns that place rows, whole."""

    labels: dict[str, Labels]
    rules: dict[str, "pd.Series[Any]"]
    rows: int


def _looked_at(batches: Batches, said: Declaration) -> _Seen:
    wanted = {
        column: Labels(column)
        for task, column in said.label_columns().items()
        if _may_have_classes(said.tasks[task].settled_kind)
    }
    split = said.data.split
    codes = {name: Codes() for name in (split.column, split.group, said.data.group) if name is not None}
    moments_: list[NDArray[np.float64]] = []
    rows = 0
    for batch in batches([*said.label_columns().values(), *codes, *filter(None, [split.time])]):
        rows += len(batch.frame)
        with numbered(batch.first):
            for name, column in wanted.items():
                column.add(batch.first, batch.frame[name])
            for name, found in codes.items():
                found.add(batch.frame[name])
            if split.time is not None:
                moments_.append(times(batch.frame[split.time]))
    if not rows:
        raise DataError(f"'{batches.path}' is an empty table")
    rules = {name: found.values().rename(name) for name, found in codes.items()}
    if split.time is not None:
        rules[split.time] = pd.Series(np.concatenate(moments_), name=split.time)
    return _Seen(wanted, rules, rows)


def _may_have_classes(kind: str | None) -> bool:
    return kind is None or KINDS[kind].has_classes


def _inferred(batches: Batches, said: Declaration, seen: _Seen) -> Declaration:
    tasks = dict(said.tasks)
    for name, column in said.label_columns().items():
        if column not in seen.labels:
            continue
        found = seen.labels[column]
        if tasks[name].settled_kind is None:
            found.refuse_strays()
            tasks[name] = tasks[name].model_copy(update={"kind": distinct_kind(found.values, name)})
        if _may_have_classes(tasks[name].settled_kind):
            found.refuse_many(name)
    declaration, sample = said.model_copy(update={"tasks": tasks}), batches.sample
    listed = {column for part in said.sequences.values() for column in part.columns}
    for name in batches.columns:
        undeclared = name not in said.data.columns and name not in listed and name not in left_out(said)
        if undeclared and len(sample) < seen.rows and sample[name].isna().all():
            raise DataError(
                f"column '{name}' has no value in the first {len(sample):,} rows, from which kinds are inferred; say "
                f"its kind (columns: {{{name}: number}}), or ignore it"
            )
    return infer(sample, declaration)


def _parted(batches: Batches, goals: Goals, seen: _Seen) -> NDArray[np.uint8]:
    data = goals.declaration.data
    below = batches.rows_below() if isinstance(data.split.test, str) else 0
    kept: NDArray[np.bool_] | None = None
    if goals.declaration.violations == "drop" and funnel(goals.tasks):
        kept = np.ones(seen.rows, dtype=bool)
        for batch in batches(list(goals.declaration.label_columns().values())):
            kept[batch.first : batch.first + len(batch.frame)] = goals.repaired(batch.frame)[1]
    rules = pd.DataFrame(seen.rules, index=pd.RangeIndex(seen.rows))
    if kept is not None:
        below = int(kept[seen.rows - below :].sum())
        rules = rules[kept].reset_index(drop=True)
    found = parts(rules, data.split, below)
    if data.group is not None:
        refuse_absent_groups(rules, data.group, found)
    places = None if kept is None else np.flatnonzero(kept)
    part = np.full(seen.rows, DROPPED, dtype=np.uint8)
    for number, name in enumerate(PARTS):
        part[found[name] if places is None else places[found[name]]] = number
    return part


def read_columns(schema: Schema, declaration: Declaration) -> Sequence[str]:
    """Columns that encoding reads."""
    others = [declaration.data.group, declaration.data.weight]
    return [*feature_columns(schema), *declaration.label_columns().values(), *filter(None, others)]
