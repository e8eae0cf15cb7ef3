"""The second pass over a table: the schema, or one task, with the statistics of the train rows."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.pipeline.column_statistics import ColumnStatistics
from mtl_nas.data.pipeline.label_statistics import LabelStatistics
from mtl_nas.data.pipeline.survey import Survey, survey_labels
from mtl_nas.data.pipeline.table import FrameTable, Table
from mtl_nas.data.schema import Schema, Task
from mtl_nas.data.splits import Parts
from mtl_nas.data.storage.rows import Floats
from mtl_nas.data.tasks.row_weights import row_weights
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated


class TableStatistics(NamedTuple):
    """The schema of a table, notes on repairs and columns, and the profiles of all columns that are read."""

    schema: Schema
    notes: tuple[str, ...]
    profiles: Mapping[str, ColumnProfile]


def table_statistics(table: Table, survey: Survey, *, trained: bool = True) -> TableStatistics:
    """Label and column statistics over the batches of a table.

    ``trained``: raise DataError where a split cannot train or score a task.
    """
    labels = LabelStatistics(survey, table.quantile_rows)
    columns = ColumnStatistics(survey, table.quantile_rows)
    declaration = survey.declaration
    lists = [column for part in declaration.sequences.values() for column in part.columns]
    others = [name for name in (declaration.data.group, declaration.data.weight) if name is not None]
    wanted = [*declaration.data.columns, *lists, *declaration.label_columns().values(), *others]
    features = (*declaration.data.columns, *lists)
    declared = {name: ColumnProfile(name) for name in features if name not in survey.profiles}
    for batch in table.batches(wanted):
        with batch.numbered():
            labels.add(batch)
            row_weights(batch.table, declaration.data.weight)
            columns.add(batch)
            for name, profile in declared.items():
                profile.add(batch[name])
    repairs = labels.notes() if trained else []
    tasks = labels.tasks(trained=trained)
    (categories, numbers, histories), notes = columns.features()
    schema = Schema(
        categories=categories,
        numbers=numbers,
        sequences=histories,
        tasks=tasks,
        missing=declaration.data.missing,
    )
    _refuse_equal_predictions(schema)
    return TableStatistics(schema, (*survey.notes, *repairs, *notes), {**survey.profiles, **declared})


def read_task(rows: RawTable, declaration: Declaration) -> tuple[Task, Floats, Parts]:
    """The one task of a declaration in a table whose features another schema describes.

    Returns the task, its labels (N, 1) and the rows of each part; DataError where a split cannot train or score it.
    """
    table = FrameTable(rows)
    survey = survey_labels(table, declaration)
    statistics = LabelStatistics(survey, table.quantile_rows)
    (batch,) = table.batches()
    statistics.add(batch)
    (task,) = statistics.tasks()
    return task, survey.labels.read(batch.table).labels.astype(np.float32), survey.parts


def _refuse_equal_predictions(schema: Schema) -> None:
    """Raise DataError where a task has the name of ``stars=5`` of a class or ``buy|click`` of a condition."""
    names = [f"{later}|{earlier}" for earlier, later in schema.nested_pairs]
    repeated = first_repeated([*names, *(column for task in schema.tasks for column in task.columns)])
    if repeated is not None:
        raise DataError(f"two predictions would be named '{repeated}'; rename a task")
