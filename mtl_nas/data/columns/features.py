"""The columns of a table that a schema reads as features, and as what it reads them."""

from typing import Literal, NamedTuple

from mtl_nas.data.parsing.instants import Unit
from mtl_nas.data.schema import Category, HistoryColumns, Number, Schema


class FeatureColumn(NamedTuple):
    """A column of a table; one that is read several times, such as a time with calendar parts, as its first reading."""

    name: str
    read_as: Category | Number
    history: HistoryColumns | None = None  # to which a column of lists belongs

    @property
    def kind(self) -> Literal["category", "number", "time", "history"]:
        """What the values are."""
        if self.history is not None:
            return "history"
        if isinstance(self.read_as, Category):
            return "category" if self.read_as.calendar is None else "time"
        return "time" if self.read_as.time else "number"

    @property
    def unit(self) -> Unit:
        """Of a time that is given as a number."""
        if isinstance(self.read_as, Category):
            return "s" if self.read_as.calendar is None else self.read_as.calendar.unit
        return self.read_as.unit


def features_of(schema: Schema) -> list[FeatureColumn]:
    """The columns of a table that the schema reads as features, each once."""
    lengths = {length_name(history.name) for history in schema.sequences}
    columns = [
        *(FeatureColumn(column.source, column) for column in schema.categories),
        *(FeatureColumn(column.name, column) for column in schema.numbers if column.name not in lengths),
        *(FeatureColumn(column.name, column, history) for history in schema.sequences for column in history.columns),
    ]
    first: dict[str, FeatureColumn] = {}
    for column in columns:
        first.setdefault(column.name, column)
    return list(first.values())


def feature_columns(schema: Schema) -> list[str]:
    """The names of the columns of a table that the schema reads as features, each once."""
    return [column.name for column in features_of(schema)]


def list_columns(schema: Schema) -> list[str]:
    """Columns of a table that hold the lists of histories."""
    return [column.name for history in schema.sequences for column in history.columns]


def length_name(history: str) -> str:
    """The number column that holds the length of a history."""
    return f"length({history})"
