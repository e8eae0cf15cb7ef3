"""What a table holds once it is read: features with what was fitted on train rows, and tasks."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mtl_nas.data.tasks.kinds import KINDS, KindName, LossName, TaskKind, refuse_loss_of_another_kind
from mtl_nas.errors import DataError
from mtl_nas.values import Value, nearest


class Category(Value):
    """A categorical column. Id 0 is kept for levels that train rows never showed; None is "missing"."""

    name: str
    levels: tuple[str | None, ...]

    @property
    def size(self) -> int:
        """Ids, the reserved one included."""
        return len(self.levels) + 1


class Number(Value):
    """A numeric column: moments and 257 quantiles, each a value of a train row; of those that are not missing."""

    name: str
    mean: float
    deviation: float
    quantiles: tuple[float, ...]
    missing: bool  # train rows had missing values


class Sequence(Value):
    """Parallel list columns of one behaviour history: items first, then properties of each behaviour.

    Encoded ids: 0 is padding, 1 an unseen level, the levels follow from 2.
    """

    name: str
    columns: tuple[Category, ...]
    length: int  # positions kept, the latest
    items: int = 1  # how many of the columns are of the items

    @property
    def properties(self) -> int:
        """How many columns are properties of the behaviours."""
        return len(self.columns) - self.items

    @property
    def sizes(self) -> tuple[int, ...]:
        """Ids of each column, padding and the unseen id included."""
        return tuple(len(column.levels) + 2 for column in self.columns)


class Task(Value):
    """One target. Labels outside its sample space or missing are NaN and contribute nothing."""

    name: str
    kind: KindName
    after: str | None = None  # nested: 1 only where that task is 1
    where: str | None = None  # sample space: rows where that task is 1
    family: str | None = None
    classes: tuple[str, ...] = ()  # in the order of their codes; binary: (negative, positive)
    loss: LossName = Field(default_factory=lambda fields: KINDS[fields["kind"]].losses[0])
    quantile: float = Field(default=0.5, gt=0, lt=1)  # of the loss of that name: the share of labels below
    center: float = 0.0  # of numbers: the model works on (y - center) / scale
    scale: float = 1.0

    @model_validator(mode="before")
    @classmethod
    def _older_schemas_say_mse_of_every_kind(cls, tree: Any) -> Any:
        if isinstance(tree, Mapping) and tree.get("kind") != "regression" and tree.get("loss") == "mse":
            return {key: part for key, part in tree.items() if key != "loss"}
        return tree

    @model_validator(mode="after")
    def _loss_fits_the_kind(self) -> Self:
        refuse_loss_of_another_kind(self.kind, self.loss)
        return self

    @property
    def rules(self) -> TaskKind:
        """How labels of this kind are read, scaled, scored and shown."""
        return KINDS[self.kind]

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


class Schema(Value):
    """Features and tasks; everything that encoding a new row needs."""

    version: Literal[1] = 1
    categories: tuple[Category, ...] = ()
    numbers: tuple[Number, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    tasks: tuple[Task, ...]

    @model_validator(mode="after")
    def _tasks_refer_to_earlier_tasks(self) -> "Schema":
        seen: list[str] = []
        for task in self.tasks:
            for word, other in (("after", task.after), ("where", task.where)):
                if other is not None and other not in seen:
                    raise ValueError(
                        f"task '{task.name}' is {word} '{other}', which is no earlier task{nearest(other, seen)}"
                    )
            seen.append(task.name)
        return self

    def task(self, name: str) -> Task:
        """The task of that name."""
        for task in self.tasks:
            if task.name == name:
                return task
        names = [task.name for task in self.tasks]
        raise DataError(f"no task '{name}'; tasks: {', '.join(names)}{nearest(name, names)}")

    def task_of(self, head: str) -> tuple[Task, str | None]:
        """The task that a head predicts, and for ``buy|click`` the task whose 1 is its condition."""
        for earlier, later in self.nested_pairs:
            if head == f"{later}|{earlier}" and head not in self.task_names:
                return self.task(later), earlier
        return self.task(head), None

    @property
    def task_names(self) -> tuple[str, ...]:
        """Names in declared order, which is the funnel's order."""
        return tuple(task.name for task in self.tasks)

    @property
    def nested_pairs(self) -> tuple[tuple[str, str], ...]:
        """(earlier, later) for each task declared ``after`` another."""
        return tuple((task.after, task.name) for task in self.tasks if task.after is not None)

    @property
    def has_funnel(self) -> bool:
        """At least one task is nested in another."""
        return bool(self.nested_pairs)
