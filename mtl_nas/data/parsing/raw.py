"""Raw columns: what a container holds, before it is known how a column is read.

Every container becomes Arrow, and every Arrow type one of a few: text, 64-bit integers, numbers, booleans, dates,
times, durations and lists. Whatever reads a column starts from these.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import types

from mtl_nas.errors import DataError
from mtl_nas.values import first_repeated

ColumnType = Literal["text", "number", "boolean", "time", "list", "none", "other"]

SAMPLED_TEXTS = 1_000  # texts that are tried before a whole column is read as numbers


class RawColumn:
    """The values of one column: an Arrow array of N values."""

    def __init__(self, name: str, values: pa.Array, *, categorical: bool = False) -> None:
        """``categorical``: the container says that the values are levels."""
        self.name, self.values, self.categorical = name, values, categorical

    @classmethod
    def of(cls, name: str, values: pa.Array | pa.ChunkedArray) -> "RawColumn":
        """The column of any Arrow array; DataError where its values cannot be text, numbers, times or lists."""
        categorical = types.is_dictionary(values.type)
        try:
            return cls(name, _plain(values), categorical=categorical)
        except (pa.ArrowException, UnicodeDecodeError) as problem:
            raise DataError(f"column '{name}' cannot be read: {str(problem).splitlines()[0]}") from None

    def __len__(self) -> int:
        """N."""
        return len(self.values)

    @cached_property
    def missing(self) -> NDArray[np.bool_]:
        """Rows without a value, (N,)."""
        mask: NDArray[np.bool_] = self.values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
        return mask

    @cached_property
    def encoded(self) -> pa.DictionaryArray:
        """The values as indices into the different ones, which are looked for once."""
        return self.values.dictionary_encode()

    @cached_property
    def plain_numbers(self) -> NDArray[np.float64] | None:
        """The numbers that text spells, (N,), NaN where missing; None where a text is no plain number."""
        sample = np.arange(0, len(self), max(1, len(self) // SAMPLED_TEXTS))
        try:
            self.values.take(pa.array(sample)).cast(pa.float64())  # a cast slows down with each text that is no number
            numbers: NDArray[np.float64] = self.values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            return None
        if int(np.isnan(numbers).sum()) > self.values.null_count:
            return None  # nan is a mark, not a number
        numbers = np.where(np.isfinite(numbers), numbers, np.nan)
        numbers.flags.writeable = False
        return numbers

    @property
    def type(self) -> ColumnType:
        """What the values are."""
        kind = self.values.type
        if types.is_large_string(kind):
            return "text"
        if types.is_boolean(kind):
            return "boolean"
        if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
            return "number"
        if types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind) or types.is_duration(kind):
            return "time"
        if types.is_large_list(kind):
            return "list"
        return "none" if types.is_null(kind) else "other"

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "RawColumn":
        """The column in these rows."""
        if isinstance(rows, slice):
            start, stop, _ = rows.indices(len(self))
            values = self.values.slice(start, max(0, stop - start))
        else:
            values = self.values.take(pa.array(rows))
        return RawColumn(self.name, values, categorical=self.categorical)

    def without(self, missing: NDArray[np.bool_]) -> "RawColumn":
        """The column with no value in these rows, (N,)."""
        values = pc.if_else(pa.array(missing), pa.scalar(None, self.values.type), self.values)
        return RawColumn(self.name, values, categorical=self.categorical)

    def value(self, row: int) -> Any:
        """The value of a row as a Python object, for messages."""
        return self.values[row].as_py()


class RawTable:
    """Raw columns of equal length by name."""

    def __init__(self, columns: Mapping[str, RawColumn], rows: int) -> None:
        self._columns, self._rows = dict(columns), rows

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch) -> "RawTable":
        """The columns of an Arrow table; DataError where a name is repeated."""
        names = list(map(str, table.schema.names))
        refuse_repeated(names)
        columns = {name: RawColumn.of(name, column) for name, column in zip(names, table.columns, strict=True)}
        return cls(columns, table.num_rows)

    def __len__(self) -> int:
        """Number of rows."""
        return self._rows

    def __getitem__(self, name: str) -> RawColumn:
        return self._columns[name]

    def __contains__(self, name: str) -> bool:
        return name in self._columns

    def __iter__(self) -> Iterator[RawColumn]:
        return iter(self._columns.values())

    @property
    def names(self) -> list[str]:
        """Names of the columns in their order."""
        return list(self._columns)

    def select(self, names: Sequence[str]) -> "RawTable":
        """These columns alone."""
        return RawTable({name: self._columns[name] for name in names}, self._rows)

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "RawTable":
        """These rows alone."""
        columns = {name: column.take(rows) for name, column in self._columns.items()}
        count = len(range(*rows.indices(self._rows))) if isinstance(rows, slice) else len(rows)
        return RawTable(columns, count)

    def replaced(self, columns: Mapping[str, RawColumn]) -> "RawTable":
        """The table with other columns of these names."""
        return RawTable(self._columns | dict(columns), self._rows)

    def to_arrow(self) -> pa.Table:
        """The columns as an Arrow table."""
        return pa.table({name: column.values for name, column in self._columns.items()})

    def to_pandas(self) -> pd.DataFrame:
        """The columns as a frame, whose columns have the types of the container."""
        frame = self.to_arrow().to_pandas()
        return frame if len(self._columns) else pd.DataFrame(index=range(self._rows))


def refuse_repeated(names: Sequence[str]) -> None:
    """Raise DataError where two columns have one name."""
    repeated = first_repeated(names)
    if repeated is not None:
        raise DataError(f"the table has two columns named '{repeated}'")


def _plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:  # noqa: PLR0911  # one return per type
    """The values in one piece, with one of the types of this module."""
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        return _plain(pa.chunked_array([chunk.storage for chunk in _chunks(values)], kind.storage_type))
    if types.is_dictionary(kind):
        parts = [_text_of_view(chunk.dictionary).take(chunk.indices) for chunk in _chunks(values)]
        return _plain(pa.chunked_array(parts or [pa.array([], kind.value_type)]))
    if _is_text(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        values = _in_one_piece(values.cast(pa.large_string()))
        empty = pc.equal(values, "")
        if pc.any(empty).as_py():
            values = pc.if_else(empty, pa.scalar(None, pa.large_string()), values)
        return values
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or _is_list_view(kind):
        rows = _in_one_piece(values.cast(pa.large_list(kind.value_type)))
        return pa.LargeListArray.from_arrays(_offsets(rows), _plain(rows.flatten()))
    if types.is_integer(kind):
        return _in_one_piece(values if kind == pa.uint64() else values.cast(pa.int64()))
    if types.is_float16(kind):
        return _in_one_piece(values.cast(pa.float32()))
    return _in_one_piece(values)


def _text_of_view(levels: pa.Array) -> pa.Array:
    return levels.cast(pa.large_string()) if types.is_string_view(levels.type) else levels


def _offsets(rows: pa.LargeListArray) -> pa.Array:
    """Where each list begins among the elements; null lists are empty."""
    lengths = pc.fill_null(pc.list_value_length(rows), 0).to_numpy()
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int64())


def _is_text(kind: pa.DataType) -> bool:
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list_view(kind: pa.DataType) -> bool:
    return bool(types.is_list_view(kind) or types.is_large_list_view(kind))


def _chunks(values: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    return values.chunks if isinstance(values, pa.ChunkedArray) else [values]


def _in_one_piece(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(values, pa.ChunkedArray):
        return values
    return values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays(values.chunks or [pa.array([], values.type)])
