"""The type of a column to which several files give other types."""

from collections.abc import Sequence

import pyarrow as pa
from pyarrow import types

UNITS = ("s", "ms", "us", "ns")  # of times, the coarsest first


def common_schema(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of every schema, each with a type that holds the values of all of them; text holds any value."""
    types_of: dict[str, list[pa.DataType]] = {}
    for schema in schemas:
        for field in schema:
            types_of.setdefault(field.name, []).append(field.type)
    fields = [pa.field(name, _common_type(kinds)) for name, kinds in types_of.items()]
    return pa.schema(fields, metadata=schemas[0].metadata)


def _common_type(kinds: Sequence[pa.DataType]) -> pa.DataType:
    kinds = list(dict.fromkeys(kinds))
    if len(kinds) == 1:
        return kinds[0]
    kinds = [kind.value_type if types.is_dictionary(kind) else kind for kind in kinds if not types.is_null(kind)]
    if any(map(types.is_timestamp, kinds)) and all(types.is_timestamp(kind) or types.is_date(kind) for kind in kinds):
        zoned = any(types.is_timestamp(kind) and kind.tz is not None for kind in kinds)
        units = {kind.unit for kind in kinds if types.is_timestamp(kind)}
        return pa.timestamp(max(units, key=UNITS.index), "UTC" if zoned else None)
    if all(types.is_list(kind) or types.is_large_list(kind) for kind in kinds):
        return pa.large_list(_common_type([kind.value_type for kind in kinds]))
    try:
        one_column = [pa.schema([("column", kind)]) for kind in kinds]
        return pa.unify_schemas(one_column, promote_options="permissive").field(0).type
    except pa.ArrowTypeError:
        return pa.large_string()
