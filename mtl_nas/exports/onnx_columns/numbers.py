"""Doubles -> numbers as networks read them, by the rules of ``mtl_nas.data.parsing``."""

from collections.abc import Collection

import numpy as np

from mtl_nas.data import Number
from mtl_nas.data.parsing.instants import EARLIEST, LATEST, Unit
from mtl_nas.data.parsing.times import PER_SECOND
from mtl_nas.exports.onnx_columns.builder import FLOAT, INT64, GraphBuilder
from mtl_nas.exports.raw_columns import numeric_marks


def without_marks(graph: GraphBuilder, values: str, marks: Collection[str]) -> str:
    """Doubles, NaN where a value is infinite or a declared mark of a missing value such as -1."""
    nan = graph.constant(np.nan, np.float64)
    values = graph.where(graph.op("IsInf", values), nan, values)
    if not (numbers := numeric_marks(marks)):
        return values
    codes = graph.codes(values, dict.fromkeys(numbers, 1), 0, np.float64)
    return graph.where(graph.op("Equal", codes, graph.constant(1, np.int64)), nan, values)


def number(graph: GraphBuilder, values: str, column: Number) -> str:
    """Doubles (rows,) -> float32 (rows,) from the origin of the column, NaN where missing or too large."""
    if column.time:
        values = _seconds(graph, values, column.unit)
    if column.origin:
        values = graph.op("Sub", values, graph.constant(column.origin, np.float64))
    single = graph.cast(values, FLOAT)
    return graph.where(graph.op("IsInf", single), graph.constant(np.nan, np.float32), single)


def whole_seconds(graph: GraphBuilder, values: str, unit: Unit) -> tuple[str, str]:
    """Doubles in a unit -> seconds since 1970 (int64), rounded down, and where there is none in the years 1 to 9999."""
    scaled = graph.op("Div", values, graph.constant(PER_SECOND[unit], np.float64))
    earliest, latest = (graph.constant(bound, np.float64) for bound in (EARLIEST, LATEST + 1))
    inside = graph.op("And", graph.op("GreaterOrEqual", scaled, earliest), graph.op("Less", scaled, latest))
    filled = graph.where(inside, scaled, graph.constant(0.0, np.float64))
    return graph.cast(graph.op("Floor", filled), INT64), graph.op("Not", inside)


def _seconds(graph: GraphBuilder, values: str, unit: Unit) -> str:
    """Doubles in a unit as seconds: the whole ones, and a fraction that is rounded once, as numpy divides."""
    if unit == "s":
        return values
    units, zero, one = (graph.constant(constant, np.float64) for constant in (PER_SECOND[unit], 0.0, 1.0))
    rest = graph.op("Mod", values, units, fmod=1)
    whole = graph.op("Round", graph.op("Div", graph.op("Sub", values, rest), units))
    negative = graph.op("Less", rest, zero)
    whole = graph.where(negative, graph.op("Sub", whole, one), whole)
    rest = graph.where(negative, graph.op("Add", rest, units), rest)
    return graph.op("Add", whole, graph.op("Div", rest, units))
