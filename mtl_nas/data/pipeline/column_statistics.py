"""The second pass over features: vocabularies, number statistics and lengths of histories in train rows."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.columns.calendar import LocalTimes, calendar_category, calendars
from mtl_nas.data.columns.encoding import refuse_unequal_lengths
from mtl_nas.data.columns.features import length_name
from mtl_nas.data.columns.statistics import LONGEST, Features, category_column, varying_features
from mtl_nas.data.declaration import SequenceDeclaration
from mtl_nas.data.parsing import levels
from mtl_nas.data.parsing.instants import read_seconds
from mtl_nas.data.parsing.numeric import read_numbers, single_precision
from mtl_nas.data.pipeline.accumulators import NumberColumns
from mtl_nas.data.pipeline.survey import Survey
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.schema import Category, HistoryColumns, Number
from mtl_nas.data.time_column import TimeColumn


class ColumnStatistics:
    """Statistics of the feature columns."""

    def __init__(self, survey: Survey, most: int | None) -> None:
        self._survey = survey
        self._kinds = survey.declaration.data.columns
        self._histories = survey.declaration.sequences
        self._categories = [name for name, kind in self._kinds.items() if kind == "category"]
        times = {name: kind for name, kind in self._kinds.items() if isinstance(kind, TimeColumn)}
        self._parts = {calendar: set[int]() for name, kind in times.items() for calendar in calendars(name, kind)}
        trends = [name for name, kind in times.items() if kind.trend]
        self._numeric = [name for name, kind in self._kinds.items() if kind == "number" or name in trends]
        self._readings = {name: survey.number_reading(name) for name in self._numeric}
        lists = [column for part in self._histories.values() for column in part.columns]
        self._texts: dict[str, set[str]] = {name: set() for name in (*self._categories, *lists)}
        self._missing: set[str] = set()
        self._longest = dict.fromkeys(self._histories, 0)
        self._numbers = NumberColumns([*self._numeric, *map(length_name, self._histories)], most=most)
        self._train_rows = 0

    def add(self, batch: TableBatch) -> None:
        in_train = self._survey.trains(batch.rows)
        train = np.flatnonzero(in_train)
        self._train_rows += len(train)
        for name in self._categories:
            codes, texts = levels.factorize(batch[name])
            counts = np.bincount(codes[train] + 1, minlength=len(texts) + 1)  # the first are missing
            self._texts[name].update(texts[code] for code in np.flatnonzero(counts[1:]))
            self._missing |= {name} if counts[0] else set()
        local_times = LocalTimes(batch.table)
        for calendar, codes_of_part in self._parts.items():
            codes_of_part.update(np.unique(local_times.codes(calendar)[train]).tolist())
        numbers = [self._numbers_of(batch, name)[train] for name in self._numeric]
        numbers += [self._add_lists(name, part, batch, in_train) for name, part in self._histories.items()]
        self._numbers.add(batch.first + train, np.stack(numbers, axis=1) if numbers else np.empty((len(train), 0)))

    def features(self) -> tuple[Features, list[str]]:
        """The features of the schema, and notes about columns."""
        histories = [
            HistoryColumns(
                name=name,
                columns=tuple(self._category(column) for column in part.columns),
                length=min(part.length or LONGEST, self._longest[name]),
            )
            for name, part in self._histories.items()
        ]
        columns = [column for name in self._kinds for column in self._columns(name)]
        lengths = [self._numbers.number(length_name(name)) for name in self._histories]
        features, notes = varying_features(columns, histories, lengths, self._train_rows)
        if features[1] and not self._numbers.whole:
            sampled = self._numbers.sampled_rows
            notes.append(f"quantiles are those of {sampled:,} of the {self._train_rows:,} train rows")
        return features, notes

    def _add_lists(
        self, history: str, part: SequenceDeclaration, batch: TableBatch, in_train: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """Add the levels of the lists in train rows; the lengths of these lists."""
        lists = batch.lists(part.columns)
        refuse_unequal_lengths(history, lists)
        for column, (elements, lengths) in lists.items():
            codes, texts = levels.factorize(elements.take(np.flatnonzero(np.repeat(in_train, lengths))))
            self._texts[column].update(texts)
            self._missing |= {column} if (codes < 0).any() else set()
        lengths = lists[part.items].lengths[in_train]
        self._longest[history] = max(self._longest[history], int(lengths.max(initial=0)))
        return single_precision(lengths.astype(np.float64))

    def _numbers_of(self, batch: TableBatch, name: str) -> NDArray[np.float32]:
        reading = self._readings[name]
        values = read_seconds(batch[name], reading.unit) if reading.time else read_numbers(batch[name])
        return single_precision(values, reading.origin)

    def _columns(self, name: str) -> Iterator[Category | Number]:
        if name in self._numeric:
            yield self._numbers.number(name, self._readings[name])
        if name in self._categories:
            yield self._category(name)
        for calendar, codes in self._parts.items():
            if calendar.column == name:
                yield calendar_category(calendar, codes)

    def _category(self, name: str) -> Category:
        return category_column(name, self._texts[name], missing=name in self._missing)
