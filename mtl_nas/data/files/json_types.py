"""Types of JSON values as Arrow types, and the type that holds the values of several lines.

Text is ``string``. Values of several types are ``large_string``: each is spelled as text. Whole numbers are ``int64``,
``uint64`` where some of them lie beyond 2^53, and a decimal where some need more than 64 bits, so that no two of them
become one number.
"""

import json
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from mtl_nas.data.parsing.frames import spelled_object

LARGE = 2**53  # whole numbers below are exact as floats
HUGE = pa.decimal128(38, 0)
MIXED = pa.large_string()
_SCALARS = {str: pa.string(), float: pa.float64(), bool: pa.bool_(), type(None): pa.null()}
_WHOLE = (pa.int64(), pa.uint64(), HUGE)  # from the narrowest


def united(one: pa.DataType, other: pa.DataType) -> pa.DataType:  # noqa: PLR0911  # one return per type
    """The type that holds the values of both.

    >>> united(pa.int64(), pa.float64()), united(pa.list_(pa.null()), pa.list_(pa.string()))
    (DataType(double), ListType(list<item: string>))
    """
    if one == other or types.is_null(other):
        return one
    if types.is_null(one):
        return other
    if types.is_list(one) and types.is_list(other):
        return pa.list_(united(one.value_type, other.value_type))
    if types.is_struct(one) and types.is_struct(other):
        fields = {field.name: field.type for field in one}
        for field in other:
            fields[field.name] = united(fields.get(field.name, pa.null()), field.type)
        return pa.struct(list(fields.items()))
    if one in _WHOLE and other in _WHOLE:
        return max(one, other, key=_WHOLE.index)
    if {one, other} == {pa.int64(), pa.float64()}:
        return pa.float64()
    return MIXED


def type_of(value: Any) -> pa.DataType:  # noqa: PLR0911  # one return per type
    """The type of a value that ``json`` parsed."""
    if value is None:
        return pa.null()
    if isinstance(value, bool):
        return pa.bool_()
    if isinstance(value, int):
        return pa.int64() if abs(value) <= LARGE else pa.uint64() if -(2**63) <= value < 2**63 else _huge(value)
    if isinstance(value, float):
        return pa.float64()
    if isinstance(value, list):
        return pa.list_(reduce(united, map(type_of, value), pa.null()))
    if isinstance(value, dict):
        return pa.struct([(name, type_of(part)) for name, part in value.items()])
    return pa.string()


def type_of_array(values: pa.Array | pa.ChunkedArray) -> pa.DataType | None:
    """The type of a column that Arrow parsed; None where floats may have been larger whole numbers."""
    kind = values.type
    if types.is_list(kind):
        inside = type_of_array(pc.list_flatten(values))
        return inside and pa.list_(inside)
    if not (types.is_int64(kind) or types.is_float64(kind)):
        return kind
    bounds = pc.min_max(values)
    lowest, highest = bounds["min"].as_py() or 0, bounds["max"].as_py() or 0
    if lowest >= -LARGE and highest <= LARGE:
        return kind
    return pa.uint64() if types.is_int64(kind) else None


def arrow_type(kind: pa.DataType) -> pa.DataType:
    """The Arrow type of a column of this type."""
    if types.is_list(kind):
        return pa.list_(arrow_type(kind.value_type))
    return pa.int64() if types.is_uint64(kind) else kind


def parsed_by_arrow(kind: pa.DataType) -> bool:
    """Whether Arrow's parser gives values of this type; values of several types and large numbers it refuses."""
    if types.is_list(kind):
        return parsed_by_arrow(kind.value_type)
    if types.is_struct(kind):
        return all(parsed_by_arrow(field.type) for field in kind)
    return kind not in (MIXED, HUGE)


def array_of(values: Iterable[Any], kind: pa.DataType) -> pa.Array:
    """Values that ``json`` parsed as an array of a type that holds them."""
    kind = arrow_type(kind)
    return pa.array([_converted(value, kind) for value in values], kind)


def text_of_times(schema: pa.Schema) -> dict[str, pa.DataType]:
    """The columns in which Arrow took text for times, with the types of the text."""
    kinds = {field.name: _text_of_times(field.type) for field in schema}
    return {name: kind for name, kind in kinds.items() if kind != schema.field(name).type}


def types_of_rows(rows: Iterable[Mapping[str, Any]]) -> dict[str, pa.DataType]:
    """The types of the fields of objects that ``json`` parsed."""
    kinds: dict[str, pa.DataType] = {}
    for row in rows:
        for name, value in row.items():
            seen, kind = kinds.get(name), _SCALARS.get(type(value)) or type_of(value)
            if seen is not kind and seen is not MIXED:
                kinds[name] = kind if seen is None else united(seen, kind)
    return kinds


def _huge(value: int) -> pa.DataType:
    return HUGE if abs(value) < 10**38 else MIXED


def _converted(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if types.is_large_string(kind):
        return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else spelled_object(value)
    if types.is_list(kind):
        return [_converted(part, kind.value_type) for part in value]
    if types.is_struct(kind):
        return {field.name: _converted(value.get(field.name), field.type) for field in kind}
    return float(value) if types.is_float64(kind) else value


def _text_of_times(kind: pa.DataType) -> pa.DataType:
    if types.is_list(kind):
        return pa.list_(_text_of_times(kind.value_type))
    if types.is_struct(kind):
        return pa.struct([(field.name, _text_of_times(field.type)) for field in kind])
    return pa.string() if types.is_timestamp(kind) else kind
