"""The last pass over a table: encoded rows, and a complete description of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from mtl_nas.data.columns.encoding import encode_features
from mtl_nas.data.columns.features import feature_columns, list_columns
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import Declaration, SequenceDeclaration
from mtl_nas.data.leakage import Leak, checked_rows, find_leaks, refuse_leaks
from mtl_nas.data.notes import summary
from mtl_nas.data.pipeline.schema_statistics import table_statistics
from mtl_nas.data.pipeline.survey import Survey, survey, survey_whole
from mtl_nas.data.pipeline.table import Table
from mtl_nas.data.profiling.gathering import gather_profile
from mtl_nas.data.profiling.table_profile import TableProfile
from mtl_nas.data.repeated_rows import repeated_row_notes
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import PARTS
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.row_weights import row_weights


class Description(NamedTuple):
    """What is known of encoded rows: how to load them again, notes, and the profile of the table."""

    declaration: Declaration
    notes: tuple[str, ...]
    profile: TableProfile


class TableEncoding(NamedTuple):
    """All that is needed to encode the rows of a table."""

    table: Table
    survey: Survey
    schema: Schema
    notes: tuple[str, ...]
    profiles: Mapping[str, ColumnProfile]

    @classmethod
    def of(cls, table: Table, declaration: Declaration) -> "TableEncoding":
        """Infer what is not declared, split, and compute statistics of the train rows."""
        surveyed = survey(table, declaration)
        return cls(table, surveyed, *table_statistics(table, surveyed))

    @classmethod
    def whole(cls, table: Table, declaration: Declaration) -> "TableEncoding":
        """The encoding in which every row trains, for a table whose split is refused."""
        surveyed = survey_whole(table, declaration)
        return cls(table, surveyed, *table_statistics(table, surveyed, trained=False))

    @property
    def weighed(self) -> bool:
        """Whether rows have weights."""
        return self.survey.declaration.data.weight is not None

    def rows(self) -> Iterator[tuple[str, Rows]]:
        """Parts and their encoded rows, batch by batch."""
        data = self.survey.declaration.data
        others = [name for name in (data.group, data.weight) if name is not None]
        label_columns = self.survey.declaration.label_columns().values()
        for batch in self.table.batches([*feature_columns(self.schema), *label_columns, *others]):
            with batch.numbered():
                features = encode_features(batch.table, self.schema, batch.lists(list_columns(self.schema)))
                labels = self.survey.labels.read(batch.table).labels.astype(np.float32)
                rows = replace(features, labels=labels, weights=row_weights(batch.table, data.weight))
            part = self.survey.part[batch.rows]
            for code, name in enumerate(PARTS):
                yield name, rows.take(np.flatnonzero(part == code))

    def described(self, encoded: Mapping[str, Rows]) -> Description:
        """The description of the rows by split.

        Raises DataError where a feature of the train rows gives a label away, and where train rows are test rows.
        """
        train = encoded["train"]
        description, leaks = self.described_train_rows(train)
        refuse_leaks(leaks)
        distinct = {split: rows for split, rows in encoded.items() if split != "validation" or rows is not train}
        repeated = repeated_row_notes(distinct) if self.table.test_rows else []
        return description._replace(notes=(*description.notes, *repeated))

    def described_train_rows(self, train: Rows) -> tuple[Description, Sequence[Leak]]:
        """The description by the train rows, and the features that give a label away."""
        checked = checked_rows(train)
        leaks = find_leaks(checked, self.schema)
        declaration = _complete(self.survey.declaration, self.schema)
        profile = gather_profile(self.table.columns, self.profiles, declaration, self.schema, checked, leaks)
        notes = (*summary(declaration, train, self.schema), *self.notes, *profile.notes)
        return Description(declaration, notes, profile), leaks


def _complete(declaration: Declaration, schema: Schema) -> Declaration:
    """The declaration that loads the same data again: columns that were left out are ignored, lengths are given."""
    data = declaration.data
    features = {column.source for column in schema.categories} | {column.name for column in schema.numbers}
    columns = {name: kind for name, kind in data.columns.items() if name in features}
    ignore = (*data.ignore, *(name for name in data.columns if name not in features))
    sequences = {
        part.name: SequenceDeclaration(
            items=part.columns[0].name,
            properties=tuple(column.name for column in part.columns[1:]),
            length=part.length,
        )
        for part in schema.sequences
    }
    source = data.model_copy(update={"columns": columns, "ignore": ignore})
    return declaration.model_copy(update={"data": source, "sequences": sequences})
