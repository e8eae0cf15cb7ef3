"""Declaration of a table: its split, the kinds of its columns, its tasks and sequences."""

from collections.abc import Mapping
from datetime import date
from numbers import Number
from typing import Annotated, Any, Literal, Self, get_args

import numpy as np
from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator, model_validator

from mtl_nas.data.parsing import levels
from mtl_nas.data.schema import refuse_later_references
from mtl_nas.data.source import ShareOrTable, TableSource
from mtl_nas.data.tasks.kinds import KINDS, KindName, LossName, TaskKind, refuse_loss_of_another_kind
from mtl_nas.data.time_column import SHORT_FORM, TimeColumn
from mtl_nas.errors import DataError
from mtl_nas.values import Value, first_repeated, nearest, parse, unknown

ColumnKind = Literal["category", "number", "sequence"]
ColumnReading = Annotated[
    Annotated[ColumnKind, Tag("kind")] | Annotated[TimeColumn, Tag("time")],
    Discriminator(lambda reading: "kind" if isinstance(reading, str) else "time"),
]
Violations = Literal["refuse", "repair", "drop"]
_names = list(KINDS)
_kinds = f"{', '.join(_names[:-1])} or {_names[-1]}"


def name_of(value: Any) -> Any:
    """A column or a task by its name; the number 508 is the name of column ``508``."""
    is_number = isinstance(value, Number | np.generic) and not isinstance(value, bool | np.bool_)
    return str(value) if is_number or isinstance(value, date) else value


Name = Annotated[str, BeforeValidator(name_of)]
STUDY_KEYS = ("space", "search")  # keys of a search file that the study package reads


class Split(Value):
    """The rows that train, validate and test: at random unless a time, group, column or file of test rows decides."""

    validation: float = Field(0.1, gt=0, lt=1, description="share of validation rows")
    test: ShareOrTable = Field(0.1, description="share of test rows, or a table with the test rows")
    time: Name | None = Field(None, description="a column in time: the earliest rows train, the latest test")
    column: Name | None = Field(None, description="a column that holds train, validation or test")
    group: Name | None = Field(None, description="a column whose rows of one value stay in one part")
    folds: int | None = Field(
        None, ge=2, le=20, description="cross-validation: scores are means over folds, which are drawn beside test rows"
    )
    stratified: bool = Field(True, description="parts that are drawn have equal shares of every label, for all tasks")

    @model_validator(mode="before")
    @classmethod
    def _random_is_a_word(cls, tree: object) -> object:
        return {} if tree == "random" else tree

    @model_validator(mode="after")
    def _one_rule_decides(self) -> Self:
        rules = [rule for rule in ("time", "column", "group") if getattr(self, rule) is not None]
        if not isinstance(self.test, float):
            rules.append("test")
        elif not 0 < self.test < 1 - self.validation:
            raise ValueError(
                f"validation and test are shares that leave rows to train, got {self.validation} and {self.test}"
            )
        if len(rules) > 1:
            raise ValueError(f"one rule decides a split, got {' and '.join(rules)}")
        self._refuse_folds_of_another_rule()
        return self

    def _refuse_folds_of_another_rule(self) -> None:
        if self.folds is None:
            return
        for rule in ("time", "column"):
            if getattr(self, rule) is not None:
                raise ValueError(f"folds are drawn at random or by group, got {rule}; leave one of the two out")
        if "validation" in self.model_fields_set:
            raise ValueError("folds take turns as validation rows; leave validation out")
        if not self.stratified:
            raise ValueError("folds are stratified; leave stratified out")


class Source(Value):
    """A table and how its columns are read."""

    table: TableSource | None = Field(
        None, description="path of a table or an encoded folder, a list of paths, a query, or a built-in name"
    )
    split: Split = Field(Split(), description="which rows train; random, or a mapping")
    ignore: tuple[Name, ...] = Field((), description="columns that are not features")
    group: Name | None = Field(None, description="a column whose values split each task into one per group of rows")
    weight: Name | None = Field(None, description="a column with the weight of each row in the losses")
    columns: dict[Name, ColumnReading] = Field(
        {}, description="kinds of columns by name, time among them, or features of a time; inferred if not given"
    )
    missing: dict[str, tuple[str, ...]] = Field(
        {}, description="values that say that a value is missing: a list, or a mapping from columns to lists"
    )

    @field_validator("columns", mode="before")
    @classmethod
    def _time_is_a_short_form(cls, tree: Any) -> Any:
        if not isinstance(tree, Mapping):
            return tree
        kinds = (*get_args(ColumnKind), "time")
        for column, kind in tree.items():
            if isinstance(kind, str) and kind not in kinds:
                raise ValueError(f"column '{column}': {unknown('kind', kind, kinds)}")
            if not isinstance(kind, str | Mapping | TimeColumn):
                raise ValueError(f"column '{column}' has a kind ({', '.join(kinds)}) or {{time: [...]}}, got {kind!r}")
        return {column: {"time": SHORT_FORM} if kind == "time" else kind for column, kind in tree.items()}

    @field_validator("missing", mode="before")
    @classmethod
    def _a_list_is_for_every_column(cls, tree: Any) -> Any:
        by_column = {"*": tree} if isinstance(tree, list | tuple) else tree
        if not isinstance(by_column, Mapping):
            return by_column
        return {
            str(column): tuple(map(levels.text, marks if isinstance(marks, list | tuple) else [marks]))
            for column, marks in by_column.items()
        }


class TaskDeclaration(Value):
    """Declaration of a task; fields that are left out are inferred from the labels."""

    kind: KindName | None = Field(None, description=f"{_kinds}; inferred if not given")
    after: Name | None = Field(None, description="a funnel: 1 only where that earlier binary task is 1")
    where: Name | None = Field(None, description="a sample space: labelled only where that earlier binary task is 1")
    family: str | None = Field(None, description="name of a family of tasks that belong together")
    loss: LossName | None = Field(None, description="by the kind; the first that the kind allows if not given")
    quantile: float | None = Field(None, gt=0, lt=1, description="quantile of loss: quantile; 0.5 if not given")
    column: Name | None = Field(None, description="the label column; the name of the task if not given")
    positive: str | None = Field(None, description="which of two values is the positive one")
    order: tuple[str, ...] = Field((), description="classes of an ordinal task from the lowest; by value if not given")

    @field_validator("positive", mode="before")
    @classmethod
    def _a_class_is_text(cls, positive: Any) -> Any:
        return None if positive is None else levels.text(positive)

    @field_validator("order", mode="before")
    @classmethod
    def _classes_are_text(cls, order: Any) -> Any:
        return tuple(map(levels.text, order)) if isinstance(order, list | tuple) else order

    @model_validator(mode="after")
    def _options_belong_to_the_kind(self) -> Self:
        kind = self.settled_kind
        if self.loss is not None and kind is not None:
            refuse_loss_of_another_kind(kind, self.loss)
        if self.quantile is not None and self.loss != "quantile":
            raise ValueError(f"quantile is chosen with loss: quantile, got loss {self.loss}")
        for owner in self._owners_of_options():
            if kind != owner.name:
                raise ValueError(f"{owner.option} is chosen for {owner.name} tasks only, got kind {kind}")
        repeated = first_repeated(self.order)
        if repeated is not None:
            raise ValueError(f"order names each class once, got '{repeated}' twice")
        return self

    @property
    def settled_kind(self) -> str | None:
        """The declared kind, or the kind whose option is declared; None: the labels decide."""
        return self.kind or next((kind.name for kind in self._owners_of_options()), None)

    def _owners_of_options(self) -> list[TaskKind]:
        """Kinds that alone read an option which is declared."""
        return [kind for kind in KINDS.values() if kind.option and getattr(self, kind.option) not in (None, ())]


class SequenceDeclaration(Value):
    """Declaration of parallel list columns: items, and properties of each item."""

    items: Name = Field(description="list column of the items, oldest first")
    properties: tuple[Name, ...] = Field((), description="list columns with a property of each item")
    length: int | None = Field(
        None, gt=0, description="items kept; those of the longest train row, up to 50, if not given"
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Items first."""
        return (self.items, *self.properties)


class Declaration(Value):
    """The data part of a search file."""

    data: Source = Source()
    tasks: dict[Name, TaskDeclaration] = Field(default_factory=dict)
    sequences: dict[Name, SequenceDeclaration] = Field(default_factory=dict)
    violations: Violations | None = None  # labels that break a funnel; None: repair up to 1 % of the rows, else refuse

    @model_validator(mode="before")
    @classmethod
    def _a_bare_task_is_inferred(cls, tree: Any) -> Any:
        if isinstance(tree, Mapping) and isinstance(tree.get("tasks"), Mapping):
            return {**tree, "tasks": {name: {} if task is None else task for name, task in tree["tasks"].items()}}
        return tree

    @model_validator(mode="after")
    def _tasks_refer_to_earlier_tasks(self) -> Self:
        refuse_later_references({name: (task.after, task.where) for name, task in self.tasks.items()})
        return self

    def label_columns(self) -> dict[str, str]:
        """The label column of each task."""
        return {name: task.column or name for name, task in self.tasks.items()}

    def tree(self) -> dict[str, Any]:
        """The declaration as plain data that YAML can hold."""
        tree: dict[str, Any] = self.model_dump(mode="json", exclude_defaults=True)
        data = tree.setdefault("data", {})
        # a declaration without this field was written by version 0.1.0, and means false
        data["split"] = {**data.get("split", {}), "stratified": self.data.split.stratified}
        return tree


def declaration(tree: object, where: str) -> Declaration:
    """The declaration in the tree of a search file; keys of the study are ignored."""
    if not isinstance(tree, Mapping):
        raise DataError(f"{where}: expected a mapping with the keys data and tasks, got {type(tree).__name__}")
    keys = (*Declaration.model_fields, *STUDY_KEYS)
    unknown = [str(key) for key in tree if key not in keys]
    if unknown:
        hint = nearest(unknown[0], keys) or f"; present: {', '.join(keys)}"
        raise DataError(f"{where}: unknown key '{unknown[0]}'{hint}")
    return parse(Declaration, {key: part for key, part in tree.items() if key not in STUDY_KEYS}, where, DataError)
