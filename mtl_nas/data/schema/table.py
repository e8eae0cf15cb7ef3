"""The columns and tasks of a table, with the statistics of its train rows: all that encoding a new row needs."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.schema.columns import Category, HistoryColumns, Number, different
from mtl_nas.data.tasks.kinds import KINDS, KindName, LossName, TaskKind, refuse_loss_of_another_kind
from mtl_nas.errors import DataError
from mtl_nas.values import CompatibleValue, nearest


class Task(CompatibleValue):
    """One target. A label that is missing or outside the sample space of the task is NaN and contributes nothing."""

    later_fields: ClassVar[tuple[str, ...]] = ("origin",)
    name: str
    kind: KindName
    after: str | None = None  # an earlier task; this one is 1 only where that one is 1
    where: str | None = None  # an earlier task; the sample space are the rows where that one is 1
    family: str | None = None
    classes: tuple[str, ...] = ()  # in the order of their codes; binary: (negative, positive)
    loss: LossName = Field(default_factory=lambda fields: KINDS[fields["kind"]].losses[0])
    quantile: float = Field(default=0.5, gt=0, lt=1)  # share of labels below the prediction, under loss quantile
    center: float = 0.0  # for labels that are numbers: a model works on (label - origin - center) / scale
    scale: float = Field(1.0, gt=0)
    origin: float = 0.0  # encoded labels count from here, in double precision

    @model_validator(mode="before")
    @classmethod
    def _older_schemas_say_mse_of_every_kind(cls, tree: Any) -> Any:
        if isinstance(tree, Mapping) and tree.get("kind") != "regression" and tree.get("loss") == "mse":
            return {key: part for key, part in tree.items() if key != "loss"}
        return tree

    @model_validator(mode="after")
    def _loss_belongs_to_the_kind(self) -> Self:
        refuse_loss_of_another_kind(self.kind, self.loss)
        return self

    @property
    def rules(self) -> TaskKind:
        """How labels of this kind are read, scaled, scored and shown."""
        return KINDS[self.kind]

    def label_codes(self, column: RawColumn) -> NDArray[np.float64]:
        """Class codes, or numbers from the origin, (N,), as encoded rows hold them; NaN where no label is."""
        codes = self.rules.codes(column, self.classes)
        return codes - self.origin if self.origin else codes

    @property
    def outputs(self) -> int:
        """Numbers per row that a head computes."""
        return self.rules.outputs(self)

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names of the predictions: the name of the task, or one per class such as ``stars=1``."""
        return self.rules.prediction_columns(self)

    @property
    def main_metric(self) -> str:
        """The metric by which designs are ranked; larger is better."""
        return self.rules.main_metric(self)


class Schema(CompatibleValue):
    """Columns and tasks of a table."""

    later_fields: ClassVar[tuple[str, ...]] = ("missing",)
    version: Literal[1] = 1
    categories: tuple[Category, ...] = ()
    numbers: tuple[Number, ...] = ()
    sequences: tuple[HistoryColumns, ...] = ()
    tasks: tuple[Task, ...]
    missing: dict[str, tuple[str, ...]] = {}  # texts that say that a value is missing, by column; *: in any column

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        categories, numbers = ([column.name for column in columns] for columns in (self.categories, self.numbers))
        different("columns", [*categories, *numbers])
        different("sequences", [part.name for part in self.sequences])
        different("tasks", [task.name for task in self.tasks])
        return self

    @model_validator(mode="after")
    def _tasks_refer_to_earlier_tasks(self) -> Self:
        refuse_later_references({task.name: (task.after, task.where) for task in self.tasks})
        return self

    def task(self, name: str) -> Task:
        """The task of that name; DataError where there is none."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = [task.name for task in self.tasks]
        raise DataError(f"no task '{name}'; tasks: {', '.join(names)}{nearest(name, names)}")

    def task_of(self, head: str) -> tuple[Task, str | None]:
        """The task that a head predicts, and for ``buy|click`` the task whose 1 is the condition."""
        for earlier, later in self.nested_pairs:
            if head == f"{later}|{earlier}" and head not in self.task_names:
                return self.task(later), earlier
        return self.task(head), None

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names in declared order, which is the order of the funnel."""
        return tuple(task.name for task in self.tasks)

    @property
    def without_fits(self) -> "Schema":
        """The schema as 0.1.0 wrote it, of which fingerprints are made."""
        return self.model_copy(update={"numbers": tuple(number.without_fits for number in self.numbers)})

    @property
    def nested_pairs(self) -> tuple[tuple[str, str], ...]:
        """(earlier, later) for each task that is declared ``after`` another."""
        return nested_pairs(self.tasks)

    @property
    def has_funnel(self) -> bool:
        """Whether some task is nested in another."""
        return bool(self.nested_pairs)


def nested_pairs(tasks: tuple[Task, ...]) -> tuple[tuple[str, str], ...]:
    """(earlier, later) for each task that is declared ``after`` another."""
    return tuple((task.after, task.name) for task in tasks if task.after is not None)


def refuse_later_references(references: Mapping[str, tuple[str | None, str | None]]) -> None:
    """Raise ValueError where a task, by name, is ``after`` or ``where`` a task that is not declared before it."""
    earlier: list[str] = []
    for name, (after, where) in references.items():
        for word, other in (("after", after), ("where", where)):
            if other is not None and other not in earlier:
                raise ValueError(
                    f"task '{name}' is {word} '{other}', which is no earlier task{nearest(other, earlier)}"
                )
        earlier.append(name)
