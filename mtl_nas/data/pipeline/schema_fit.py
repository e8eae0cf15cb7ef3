"""The second pass over a table: the schema, with the statistics of the train rows."""

from typing import NamedTuple

from mtl_nas.data.pipeline.column_statistics import ColumnStatistics
from mtl_nas.data.pipeline.label_statistics import LabelStatistics
from mtl_nas.data.pipeline.survey import Survey
from mtl_nas.data.pipeline.table import Table
from mtl_nas.data.schema import Schema
from mtl_nas.data.tasks.row_weights import row_weights
from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated


class FittedSchema(NamedTuple):
    """A schema, and notes about repaired labels and about columns."""

    schema: Schema
    notes: tuple[str, ...]


def fit_schema(table: Table, survey: Survey) -> FittedSchema:
    """Fit label statistics, vocabularies and number statistics over the batches of a table."""
    labels = LabelStatistics(survey, table.quantile_rows)
    columns = ColumnStatistics(survey, table.quantile_rows)
    declaration = survey.declaration
    lists = [column for part in declaration.sequences.values() for column in part.columns]
    others = [name for name in (declaration.data.group, declaration.data.weight) if name is not None]
    wanted = [*declaration.data.columns, *lists, *declaration.label_columns().values(), *others]
    for batch in table.batches(wanted):
        with batch.numbered():
            labels.add(batch)
            row_weights(batch.frame, declaration.data.weight)
            columns.add(batch)
    repairs = labels.notes()
    tasks = labels.tasks()
    (categories, numbers, histories), notes = columns.features(table.sample)
    schema = Schema(categories=categories, numbers=numbers, sequences=histories, tasks=tasks)
    _refuse_equal_predictions(schema)
    return FittedSchema(schema, (*repairs, *notes))


def _refuse_equal_predictions(schema: Schema) -> None:
    """Raise DataError where a task has the name of ``stars=5`` of a class or ``buy|click`` of a condition."""
    names = [f"{later}|{earlier}" for earlier, later in schema.nested_pairs]
    repeated = first_repeated([*names, *(column for task in schema.tasks for column in task.columns)])
    if repeated is not None:
        raise DataError(f"two predictions would be named '{repeated}'; rename a task")
