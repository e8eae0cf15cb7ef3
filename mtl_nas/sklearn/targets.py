"""The y of scikit-learn as label columns, and predictions in the shape and the values of y."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.utils import check_array

from mtl_nas.data import RawTable, Schema, is_frame, raw_table
from mtl_nas.data.declaring import Tasks
from mtl_nas.data.parsing.raw import RawColumn
from mtl_nas.data.tasks.kinds.class_kind import ClassKind
from mtl_nas.values import nearest

SERIES = (pd.Series, pa.Array, pa.ChunkedArray)  # of one dimension
Form = Literal["one", "array", "frame"]  # of y: (N,), (N, T), or columns with names


@dataclass(frozen=True)
class Targets:
    """The label columns of y, in their order."""

    form: Form
    labels: RawTable

    @property
    def names(self) -> list[str]:
        """The tasks."""
        return list(self.labels.names)


def targets(values: Any, tasks: Tasks | None) -> Targets:
    """The labels of y; ``tasks`` names the columns of an array in their order.

    Raises:
        ValueError: y has no labels, more than two dimensions, or other columns than ``tasks`` says.
    """
    if values is None:
        raise ValueError("MTLSearch requires y to be passed, but the target y is None")
    given = [] if tasks is None else list(map(str, tasks))
    if isinstance(values, SERIES) or len(getattr(values, "shape", ())) == 1:
        own = getattr(values, "name", None)
        return Targets("one", _column(given[0] if len(given) == 1 else "y" if own is None else str(own), values))
    if is_frame(values):
        return Targets("frame", raw_table(values))
    array = check_array(values, dtype=None, ensure_2d=False, ensure_all_finite=False, input_name="y")
    if array.ndim == 1:
        return Targets("one", _column(given[0] if len(given) == 1 else "y", array))
    count = array.shape[1]
    if given and len(given) != count:
        raise ValueError(f"tasks names {len(given)} columns, but y has {count}: {', '.join(given)}")
    names = given or ["y"] * (count == 1) or [f"y{index}" for index in range(count)]
    return Targets("array", raw_table(pd.DataFrame(array, columns=names)))


def _column(name: str, values: Any) -> RawTable:
    """Values of one dimension as a table of one column."""
    if isinstance(values, SERIES) or not hasattr(values, "__arrow_c_stream__"):
        return raw_table(pd.DataFrame({name: values}))
    return raw_table(pa.table({name: pa.chunked_array(values)}))  # a series of polars, say


def declared(given: Targets, tasks: Tasks | None) -> dict[str, Mapping[str, Any] | None]:
    """What is declared of each task; tasks that are declared come first, in their order, as others may refer to them.

    Raises:
        ValueError: ``tasks`` names a column that y lacks.
    """
    options = tasks if isinstance(tasks, Mapping) else dict.fromkeys(tasks or ())
    named = {str(name): option for name, option in options.items()}
    for name in named:
        if name not in given.names:
            raise ValueError(f"tasks names '{name}', which is no column of y{nearest(name, given.names)}")
    return {**named, **{name: None for name in given.names if name not in named}}


def class_values(labels: RawTable, schema: Schema) -> dict[str, NDArray[Any]]:
    """The classes of each task that has some, as y holds them, in the order of their codes.

    A class that is declared and has no label is its text.
    """
    classes = {}
    for task in schema.tasks:
        if not isinstance(task.rules, ClassKind):
            continue
        distinct = RawColumn(task.name, labels[task.name].encoded.dictionary)
        codes = task.label_codes(distinct)
        value_of = {int(code): distinct.value(row) for row, code in enumerate(codes) if not np.isnan(code)}
        values = [value_of.get(code, text) for code, text in enumerate(task.classes)]
        classes[task.name] = np.array(values, dtype=object if len(set(map(type, values))) > 1 else None)
    return classes


def predicted_labels(
    predictions: pd.DataFrame, schema: Schema, classes: Mapping[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The most likely class, or the number, of each row, (N,), by task."""
    labels: dict[str, NDArray[Any]] = {}
    for task in schema.tasks:
        values = task_predictions(predictions, schema, task.name)
        labels[task.name] = (
            classes[task.name][task.rules.predicted_classes(values)] if isinstance(task.rules, ClassKind) else values
        )
    return labels


def probabilities(predictions: pd.DataFrame, schema: Schema) -> dict[str, NDArray[np.float64]]:
    """Probabilities of classes, (N, K), by task that has classes; rows sum to 1."""
    by_task = {}
    for task in schema.tasks:
        if isinstance(task.rules, ClassKind):
            values = task_predictions(predictions, schema, task.name)
            by_task[task.name] = np.column_stack([1 - values, values]) if values.ndim == 1 else values
    return by_task


def task_predictions(predictions: pd.DataFrame, schema: Schema, name: str) -> NDArray[np.float64]:
    """The predictions of a task as scores read them: (N,), or (N, K) for the probabilities of classes."""
    columns = schema.task(name).columns
    values = predictions[list(columns)].to_numpy(dtype=np.float64)
    return values[:, 0] if columns == (name,) else values


def shaped(labels: Mapping[str, NDArray[Any]], form: Form, names: Sequence[str]) -> Any:
    """Predictions in the form of y: (N,), (N, T), or a pandas frame."""
    if form == "one":
        return labels[names[0]]
    if form == "frame":
        return pd.DataFrame({name: labels[name] for name in names})
    columns = [labels[name] for name in names]
    numeric = all(column.dtype.kind in "biuf" for column in columns)
    return np.column_stack(columns if numeric else [column.astype(object) for column in columns])
