"""The kinds of columns that a declaration leaves out, and whether it suits the table."""

from collections.abc import Mapping, Sequence

from mtl_nas.data.columns.calendar import calendar_name
from mtl_nas.data.columns.features import length_name
from mtl_nas.data.columns.profile import ColumnProfile
from mtl_nas.data.declaration import ColumnReading, Declaration, SequenceDeclaration, Split
from mtl_nas.data.time_column import TimeColumn
from mtl_nas.errors import DataError
from mtl_nas.settings import OBJECTIVES
from mtl_nas.values import first_repeated, nearest


class EmptyColumnsError(DataError):
    """Feature columns have no value in any row."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        listed = ", ".join(f"'{name}'" for name in self.columns)
        one = len(self.columns) == 1
        super().__init__(
            f"column{'' if one else 's'} {listed} {'has' if one else 'have'} no value in any row; "
            f"ignore {'it' if one else 'them'} (ignore: {list(self.columns)})"
        )


def infer_columns(
    columns: Sequence[str], profiles: Mapping[str, ColumnProfile], declaration: Declaration
) -> Declaration:
    """The declaration with a kind for every feature column; ``profiles`` of those whose kind it does not name."""
    _refuse_label_features(declaration)
    empty = [name for name in undeclared_features(columns, declaration) if not profiles[name].types]
    if empty:
        raise EmptyColumnsError(empty)
    kinds: dict[str, ColumnReading] = {
        name: declaration.data.columns.get(name) or profiles[name].kind
        for name in undeclared_features(columns, declaration, with_declared=True)
    }
    sequences = dict(declaration.sequences)
    sequences |= {name: SequenceDeclaration(items=name) for name, kind in kinds.items() if kind == "sequence"}
    others = {name: kind for name, kind in kinds.items() if kind != "sequence"}
    features = [*others, *(name for part in sequences.values() for name in part.columns)]
    made = {
        **{length_name(name): f"the length of sequence '{name}'" for name in sequences},
        **{
            calendar_name(part, name): f"the {part} of time '{name}'"
            for name, kind in others.items()
            if isinstance(kind, TimeColumn)
            for part in kind.parts
        },
    }
    _refuse_taken_names(declaration, features, made)
    if not features:
        raise DataError("no column is left to predict from")
    source = declaration.data.model_copy(update={"columns": others})
    return declaration.model_copy(update={"data": source, "sequences": sequences})


def undeclared_features(columns: Sequence[str], declaration: Declaration, *, with_declared: bool = False) -> list[str]:
    """Feature columns whose kind is not declared; with the declared ones, all features outside declared sequences."""
    no_features = {*_not_features(declaration), *_declared_lists(declaration)}
    if not with_declared:
        no_features |= set(declaration.data.columns)
    return [name for name in columns if name not in no_features]


def rule_columns(split: Split) -> list[str]:
    """Columns that decide a split."""
    return [name for name in (split.time, split.column, split.group) if name is not None]


def refuse_unknown_columns(columns: Sequence[str], declaration: Declaration) -> None:
    """Raise DataError where no task is declared, or something about a column that the table does not have."""
    if not declaration.tasks:
        names = ", ".join(columns[:12]) + (" ..." if len(columns) > 12 else "")
        raise DataError(f"no task is declared; name the label columns, with --tasks or under tasks:, among: {names}")
    for task in declaration.tasks:
        if task in OBJECTIVES:
            raise DataError(
                f"no task can be named '{task}', which is a word of --objectives ({', '.join(OBJECTIVES)}); give it "
                f"another name: tasks: {{{task}_label: {{column: {task}}}}}"
            )
    data = declaration.data
    uses = [
        *((f"task '{task}' is labelled by", column) for task, column in declaration.label_columns().items()),
        *(("ignore names", column) for column in data.ignore),
        *(("columns names", column) for column in data.columns),
        *(("the split is decided by", column) for column in rule_columns(data.split)),
        *(("group is", column) for column in (data.group,) if column is not None),
        *(("rows are weighed by", column) for column in (data.weight,) if column is not None),
        *((f"sequence '{name}' reads", col) for name, part in declaration.sequences.items() for col in part.columns),
    ]
    for use, column in uses:
        if column not in columns:
            raise DataError(f"{use} '{column}', which is no column of the table{nearest(column, columns)}")


def _not_features(declaration: Declaration) -> set[str]:
    """Labels, ignored columns, and columns that split, group or weigh rows unless their kind is declared."""
    data = declaration.data
    rules = {name for name in (*rule_columns(data.split), data.group, data.weight) if name is not None}
    return {*declaration.label_columns().values(), *data.ignore, *(rules - set(data.columns))}


def _declared_lists(declaration: Declaration) -> set[str]:
    return {column for part in declaration.sequences.values() for column in part.columns}


def _refuse_label_features(declaration: Declaration) -> None:
    task_of_column = {column: task for task, column in declaration.label_columns().items()}
    for name in (*declaration.data.columns, *sorted(_declared_lists(declaration))):
        if name in task_of_column:
            raise DataError(
                f"column '{name}' is the label of task '{task_of_column[name]}'; it cannot be a feature too"
            )


def _refuse_taken_names(declaration: Declaration, features: list[str], made: Mapping[str, str]) -> None:
    """Raise DataError where two columns have one name; ``made`` says what the columns are that the table lacks."""
    for name, task in declaration.tasks.items():
        if name in features or name in made:
            raise DataError(
                f"task '{name}' is labelled by '{task.column}', but '{name}' is a feature; rename the task or ignore it"
            )
    for name, what in made.items():
        if name in features:
            raise DataError(f"column '{name}' has the name of {what}; rename it")
    repeated = first_repeated(features)
    if repeated is not None:
        raise DataError(f"column '{repeated}' is read twice; a column belongs to one sequence")
