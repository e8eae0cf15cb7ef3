"""What one reading of a table gathers: labels, profiles of columns, and the columns that decide the split."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.columns.inference import undeclared_features
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import Declaration, TaskDeclaration
from mtl_nas.data.pipeline.accumulators import DistinctLabels, FactorizedColumn
from mtl_nas.data.pipeline.table import Table
from mtl_nas.data.splits import times
from mtl_nas.data.tasks.kinds import KINDS
from mtl_nas.data.tasks.labels import refuse_lists
from mtl_nas.data.time_column import TimeColumn
from mtl_nas.errors import DataError


@dataclass
class Scan:
    """Distinct labels and profiles by column, and the columns that decide the split or make groups."""

    labels: Mapping[str, DistinctLabels]
    profiles: Mapping[str, ColumnProfile]
    rules: pd.DataFrame

    @property
    def rows(self) -> int:
        return len(self.rules)


def scan_table(table: Table, declaration: Declaration, *, features: bool) -> Scan:
    """Read a table once; ``features``: features have profiles, too.

    Raises DataError where the table is empty, a label is a list, or a time that orders the split is none.
    """
    label_columns = list(declaration.label_columns().values())
    labels = {
        column: DistinctLabels(column)
        for task, column in declaration.label_columns().items()
        if _may_have_classes(declaration.tasks[task])
    }
    split, kinds = declaration.data.split, declaration.data.columns
    profiles = {name: ColumnProfile(name) for name in label_columns}
    if features:
        numeric = [name for name, kind in kinds.items() if kind == "number"]
        profiles |= {name: ColumnProfile(name) for name in (*numeric, *undeclared_features(table.columns, declaration))}
        profiles |= {
            name: ColumnProfile(name, kind.unit) for name, kind in kinds.items() if isinstance(kind, TimeColumn)
        }
    factorized = {name: FactorizedColumn(name) for name in (split.column, split.group, declaration.data.group) if name}
    time_parts: list[NDArray[np.float64]] = []
    rows = 0
    for batch in table.batches([*profiles, *factorized, *filter(None, [split.time])]):
        rows += len(batch)
        with batch.numbered():
            for name in label_columns:
                refuse_lists(batch[name])
            for distinct in labels.values():
                distinct.add(batch)
            for column in factorized.values():
                column.add(batch)
            for name, profile in profiles.items():
                profile.add(batch[name])
            if split.time is not None:
                time_parts.append(times(batch[split.time]))
    if not rows:
        raise DataError("the table is empty")
    rules: dict[str, Any] = {name: column.values() for name, column in factorized.items()}
    if split.time is not None:
        rules[split.time] = np.concatenate(time_parts)
    return Scan(labels, profiles, pd.DataFrame(rules, index=pd.RangeIndex(rows), copy=False))


def _may_have_classes(task: TaskDeclaration) -> bool:
    return task.settled_kind is None or KINDS[task.settled_kind].has_classes
