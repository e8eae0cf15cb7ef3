"""The contract of task kinds."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.metrics import Floats, Influence, Score

Labels = NDArray[np.floating[Any]]  # (N,) class codes or numbers from the origin of the task, none of them missing
Predictions = NDArray[np.floating[Any]]  # (N,) or (N, K): in the units of the labels, or probabilities


class TaskFields(Protocol):
    """The fields of a task that its kind reads."""

    @property
    def name(self) -> str: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def loss(self) -> str: ...
    @property
    def quantile(self) -> float: ...
    @property
    def center(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def origin(self) -> float: ...


class TaskKind(ABC):
    """A kind of task: stateless, one instance per kind in ``KINDS``."""

    registered: ClassVar[list[type["TaskKind"]]] = []  # classes that have a name
    name: ClassVar[str]
    losses: ClassVar[tuple[str, ...]]  # the first is the default
    signed_losses: ClassVar[tuple[str, ...]] = ()  # losses that may fall below zero
    has_classes: ClassVar[bool]  # labels are codes of classes, not numbers
    is_event: ClassVar[bool] = False  # labels are 0 or 1; other tasks may be nested in the 1
    is_cumulative: ClassVar[bool] = False  # thresholds turn one score into the logits of P(y > k)
    option: ClassVar[str | None] = None  # the field of a task declaration that this kind alone reads
    head_width: ClassVar[Literal["one", "several", "any"]] = "one"  # numbers per row that a head may read
    averages: ClassVar[Literal["probability", "classes", "rate", "state"]]  # the scale on which critics are mixed

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "name" in vars(cls):
            TaskKind.registered.append(cls)

    def classes(self, labels: RawColumn, task: str, option: Any = None) -> tuple[str, ...]:
        """Class names in the order of their codes; DataError where the labels do not suit the kind.

        ``option``: what the declaration says for the option of the kind.
        """
        return ()

    @abstractmethod
    def codes(self, labels: RawColumn, classes: tuple[str, ...]) -> NDArray[np.float64]:
        """Class codes or numbers, (N,), with NaN for a missing label and for a class that is not declared."""

    @abstractmethod
    def label_values(self, codes: NDArray[np.floating[Any]], task: TaskFields) -> "pd.Series[Any]":
        """The labels that the codes, or numbers from the origin, stand for, as a table shows them."""

    def possible(self, labels: NDArray[np.float64], task: TaskFields) -> tuple[NDArray[np.bool_], str] | None:
        """Rows whose label the kind allows, (N,), and the rule in words; None where every number is allowed."""
        return None

    def label_origin(self, task: TaskFields, smallest: float) -> float:
        """What labels are counted from, where single precision cannot tell them apart otherwise; 0: from 0."""
        return 0.0

    def measured(self, labels: NDArray[np.float64], task: TaskFields) -> NDArray[np.float64]:
        """Labels whose mean and deviation ``scaling`` takes, (N,); NaN for the others."""
        return labels

    def scaling(self, task: TaskFields, mean: float, deviation: float) -> dict[str, float]:
        """``center`` and ``scale`` of the task: a model works on (label - center) / scale."""
        return {}

    @abstractmethod
    def outputs(self, task: TaskFields) -> int:
        """Numbers per row that a head computes."""

    def prediction_columns(self, task: TaskFields) -> tuple[str, ...]:
        """Column names of the predictions."""
        return (task.name,)

    @abstractmethod
    def description(self, task: TaskFields, train: NDArray[np.floating[Any]]) -> str:
        """A summary of the train labels, for notes."""

    @abstractmethod
    def meaning(self, task: TaskFields) -> str:
        """What a prediction is, in words."""

    @abstractmethod
    def main_metric(self, task: TaskFields) -> str:
        """The metric by which designs are ranked; larger is better."""

    @abstractmethod
    def scores(self, task: TaskFields, predictions: Predictions, labels: Labels) -> dict[str, Score]:
        """Every metric of the kind; None where a metric is undefined."""

    @abstractmethod
    def influence(self, task: TaskFields, predictions: Predictions, labels: Labels) -> Influence | None:
        """The main metric with the influence of each row; None where the metric is undefined."""

    def leak_targets(self, labels: Labels) -> Floats:
        """Columns, (N, K), of which a feature must not explain the whole variance."""
        return labels[:, None]
