"""The walk that fits: labels, vocabularies and numbers of a table, batch by batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from mtl_nas.data.columns.encoding import Flat, float32, length_name, refuse_ragged
from mtl_nas.data.columns.inference import column_kind
from mtl_nas.data.columns.statistics import LONGEST, Features, telling, vocabulary
from mtl_nas.data.declaration import ColumnKind, Declaration
from mtl_nas.data.parsing import category_text
from mtl_nas.data.parsing.lists import flat
from mtl_nas.data.parsing.numeric import numerals
from mtl_nas.data.pipeline.accumulators import Numbers
from mtl_nas.data.pipeline.table_batches import Batch, Batches
from mtl_nas.data.schema import Category, Number, Task
from mtl_nas.data.schema import Sequence as History
from mtl_nas.data.tasks.funnel import repaired
from mtl_nas.data.tasks.row_weights import row_weights
from mtl_nas.data.tasks.targets import (
    Shown,
    by_group,
    coded,
    funnel,
    masked,
    moments,
    refuse_unfit,
    settled,
)
from mtl_nas.errors import DataError

PARTS = ("train", "tuning", "choosing", "test")
SPLIT_OF = {"train": "train", "tuning": "validation", "choosing": "validation", "test": "test"}


@dataclass(frozen=True)
class Goals:
    """How labels are read: (n, T) a batch."""

    declaration: Declaration
    tasks: tuple[Task, ...]  # before groups make several of each
    groups: tuple[str, ...]

    def repaired(self, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.int64]]:
        """Labels that keep the funnel, rows that did before, and what was changed."""
        found = coded(frame, self.tasks, self.declaration)
        return repaired(found, [task.name for task in self.tasks], funnel(self.tasks))

    def labels(self, frame: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Labels as they are encoded, and what was changed."""
        found, _, counts = self.repaired(frame)
        found = settled(found, self.tasks)
        group = self.declaration.data.group
        return (found if group is None else masked(found, frame[group], self.groups)), counts

    @property
    def every(self) -> tuple[Task, ...]:
        """The tasks of the schema."""
        return by_group(self.tasks, self.groups) if self.groups else self.tasks


@dataclass
class Fitting:
    """The walk that fits."""

    goals: Goals
    batches: Batches
    counts: NDArray[np.int64] = field(init=False)  # of labels that broke a funnel

    def __post_init__(self) -> None:
        declaration, tasks = self.goals.declaration, self.goals.every
        self.counts = np.zeros((len(funnel(self.goals.tasks)), 2), dtype=np.int64)
        kinds = declaration.data.columns
        self.sequences = declaration.sequences
        self._texts: dict[str, set[str]] = {name: set() for name, kind in kinds.items() if kind == "category"}
        self._texts |= {column: set() for part in self.sequences.values() for column in part.columns}
        self._missing: set[str] = set()
        names = [name for name, kind in kinds.items() if kind == "number"]
        self._numbers = Numbers([*names, *map(length_name, self.sequences)])
        self._labels = Numbers([task.name for task in tasks if not task.rules.has_classes], np.float64)
        self._longest = dict.fromkeys(self.sequences, 0)
        self._shown = {(task.name, split): Shown.of(np.empty(0)) for task in tasks for split in SPLIT_OF.values()}
        self._rows = 0

    @property
    def columns(self) -> list[str]:
        """What is read."""
        declaration = self.goals.declaration
        lists = [column for part in self.sequences.values() for column in part.columns]
        others = [declaration.data.group, declaration.data.weight]
        labels = declaration.label_columns().values()
        return [*declaration.data.columns, *lists, *labels, *(name for name in others if name is not None)]

    def add(self, batch: Batch, part: NDArray[np.uint8]) -> None:
        """Further rows, and where each of them belongs."""
        labels, counts = self.goals.labels(batch.frame)
        self.counts += counts
        row_weights(batch.frame, self.goals.declaration.data.weight)
        train = np.flatnonzero(part == 0)
        self._rows += len(train)
        for place, task in enumerate(self.goals.every):
            for number, name in enumerate(PARTS):
                column = labels[part == number, place]
                self._shown[task.name, SPLIT_OF[name]] += Shown.of(column[~np.isnan(column)])
        self._labels.add(batch.first, train, self._targets(labels[train]))
        for name, kind in self.goals.declaration.data.columns.items():
            if kind == "category":
                codes, texts = category_text.coded(batch.frame[name].iloc[train])
                self._texts[name].update(texts)
                self._missing |= {name} if (codes < 0).any() else set()
        self._numbers.add(batch.first, train, self._columns(batch.frame, train))

    def _targets(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of numeric tasks; amounts where there are any."""
        columns = [
            task.rules.measured(labels[:, place], task)
            for place, task in enumerate(self.goals.every)
            if not task.rules.has_classes
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(labels), 0))

    def _columns(self, frame: pd.DataFrame, train: NDArray[np.int64]) -> NDArray[np.float32]:
        columns = [
            float32(numerals(frame[name]))[train]
            for name, kind in self.goals.declaration.data.columns.items()
            if kind == "number"
        ]
        for name, declared in self.sequences.items():
            columns.append(self._lengths(name, {column: flat(frame[column]) for column in declared.columns}, train))
        return np.stack(columns, axis=1) if columns else np.empty((len(train), 0), dtype=np.float32)

    def _lengths(self, name: str, lists: Mapping[str, Flat], train: NDArray[np.int64]) -> NDArray[np.float32]:
        """Of one sequence in the train rows, whose levels and longest list are kept."""
        declared = self.sequences[name]
        lengths = lists[declared.items][1]
        chosen = np.zeros(len(lengths), dtype=bool)
        chosen[train] = True
        for column, (elements, own) in lists.items():
            refuse_ragged(name, declared.items, lengths, column, own)
            self._texts[column].update(category_text.coded(elements[np.repeat(chosen, own)])[1])
        self._longest[name] = max(self._longest[name], int(lengths[train].max(initial=0)))
        return float32(lengths.astype(np.float64))[train]

    def features(self, *, declared: Mapping[str, ColumnKind], sample: pd.DataFrame) -> tuple[Features, list[str]]:
        """The features of the schema, and what there is to say about them."""
        columns: list[Category | Number] = []
        for name, kind in self.goals.declaration.data.columns.items():
            if kind == "number":
                columns.append(self._numbers.number(name))
                continue
            if name not in declared:
                _refuse_more(sample[name], self._texts[name])
            columns.append(vocabulary(name, self._texts[name], missing=name in self._missing))
        histories = [
            History(
                name=name,
                columns=tuple(vocabulary(column, self._texts[column], missing=False) for column in part.columns),
                length=min(part.length or LONGEST, self._longest[name]),
            )
            for name, part in self.sequences.items()
        ]
        lengths = [self._numbers.number(length_name(name)) for name in self.sequences]
        found, notes = telling(columns, histories, lengths, self._rows)
        if found[1] and not self._numbers.whole:
            notes.append(f"quantiles are those of {self._numbers.kept:,} of the {self._rows:,} train rows")
        return found, notes

    def tasks(self) -> tuple[Task, ...]:
        """With the moments of their train labels; DataError where a split cannot train or judge one."""
        found = []
        for task in self.goals.every:
            refuse_unfit(task, {split: self._shown[task.name, split] for split in SPLIT_OF.values()})
            found.append(task.model_copy(update=self._moments(task)) if not task.rules.has_classes else task)
        return tuple(found)

    def _moments(self, task: Task) -> dict[str, float]:
        if self._labels.whole:
            return moments(task, self._labels.column(task.name))
        mean, deviation = self._labels.moments(task.name)
        return task.rules.scaling(task, mean, deviation)


def _refuse_more(sample: "pd.Series[Any]", texts: set[str]) -> None:
    """Whole numbers of few values that are more, or no longer whole, below the first rows."""
    if not types.is_numeric_dtype(sample) or types.is_bool_dtype(sample) or not texts:
        return
    try:
        values = pd.Series([float(text) for text in texts], name=sample.name)
    except ValueError:
        return  # text turned up: levels after all
    if column_kind(values) != "category":
        raise DataError(
            f"column '{sample.name}' holds few whole numbers in the first {len(sample):,} rows, like a category, and "
            f"{len(texts):,} values in all, like a number; say which (columns: {{{sample.name}: number}})"
        )
