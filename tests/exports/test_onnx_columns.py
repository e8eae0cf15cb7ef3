"""The graph that reads raw columns makes the encoded rows that ``encode_rows`` makes, to the last bit."""

from importlib.util import find_spec
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

import mtl_nas as mn
from mtl_nas.data import Category, HistoryColumns, Number, Schema, Task, encode_rows
from mtl_nas.data.parsing.calendar_parts import CalendarPart

if not all(map(find_spec, ("onnx", "onnxruntime"))):
    pytest.skip("extra [onnx]", allow_module_level=True)

import onnxruntime
from onnx import checker, helper

from mtl_nas.exports.onnx import OPSET
from mtl_nas.exports.onnx_columns import ML_OPSET, GraphBuilder, add_columns, input_type
from mtl_nas.exports.onnx_columns.builder import FLOAT, INT64
from mtl_nas.exports.raw_columns import column_inputs
from mtl_nas.exports.raw_rows import input_columns, raw_rows

CLICK = Task(name="click", kind="binary", classes=("0", "1"))
LEVELS: dict[str, tuple[str | None, ...]] = {
    "words": ("a", "NA", "new york", "ä\tö", None),
    "words without missing values": ("a", "b"),
    "words and whole numbers": ("0042", "7", "x", None),
    "whole numbers": ("-3", "0", "12", None),
    "numbers": ("0.001", "1.5", "2", "1e-05"),
    "whole numbers beyond doubles": ("9007199254740992", "9007199254740993", None),
    "booleans": ("False", "True", None),
    "no level": (None,),
    "empty": (),
}
ODD = (
    *("", " ", "1.50", " 2 ", "+2", "2.0", "2.", ".5", "1e3", "1e999", "-0", "007", "7.0", "x.0", "9007199254740993.0"),
    *("TRUE", " true ", "NaN", "null", "n/a", "?", "--", "inf", "é"),
)


def session_of(schema: Schema) -> onnxruntime.InferenceSession:
    """The graph that encodes the columns of a schema, alone."""
    builder = GraphBuilder("columns/")
    encoded = add_columns(builder, schema)
    outputs = [(encoded.categories, INT64), (encoded.numbers, FLOAT), *((name, INT64) for name in encoded.sequences)]
    graph = helper.make_graph(
        [],
        "columns",
        [
            helper.make_tensor_value_info(column.name, input_type(column), column.shape)
            for column in column_inputs(schema)
        ],
        [
            helper.make_tensor_value_info(name, kind, ["rows", "", ""][: 2 + (i > 1)])
            for i, (name, kind) in enumerate(outputs)
        ],
    )
    builder.add_to(graph)
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def assert_encoded_alike(schema: Schema, table: pd.DataFrame) -> None:
    session = session_of(schema)
    for count in (len(table), 1, 0):
        rows = encode_rows(table.head(count), schema, labels=False)
        encoded = session.run(None, input_columns(table.head(count), schema))
        for result, right in zip(encoded, (rows.categories, rows.numbers, *rows.sequences.values()), strict=True):
            np.testing.assert_array_equal(result, right)


@pytest.mark.parametrize("marks", [{}, {"x": ("-1", "7", "gone")}, {"*": ("12", "1.5", "a")}])
@pytest.mark.parametrize("levels", LEVELS)
def test_texts_get_the_ids_of_their_levels(levels: str, marks: dict[str, Any]) -> None:
    schema = Schema(categories=(Category(name="x", levels=LEVELS[levels]),), tasks=(CLICK,), missing=marks)
    words = [*ODD, *(level for level in LEVELS[levels] if level), *(f"{level}.0" for level in LEVELS[levels]), "gone"]
    assert_encoded_alike(schema, pd.DataFrame({"x": pd.Series([*words, None], dtype=object)}))


def number(**options: Any) -> Number:
    return Number(name="x", mean=0, deviation=1, quantiles=(0.0,) * 257, missing=True, **options)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("origin", [0.0, 1.7e9])
def test_numbers_and_times_count_from_their_origin(unit: Any, origin: float) -> None:
    schema = Schema(
        numbers=(number(origin=origin, time=unit != "s", unit=unit),), tasks=(CLICK,), missing={"x": ("-1",)}
    )
    random = np.random.default_rng(0)
    values = [
        *random.uniform(-1e18, 1e18, 200),
        *random.uniform(-9, 9, 50),
        1e300,
        -1e39,
        np.nan,
        np.inf,
        -np.inf,
        -1.0,
    ]
    assert_encoded_alike(schema, pd.DataFrame({"x": values}))


@pytest.mark.parametrize("unit", ["s", "ms"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "Pacific/Apia"])
def test_parts_of_times_are_those_of_clocks_in_the_zone(zone: str, unit: str) -> None:
    seconds = np.random.default_rng(1).integers(0, 2**31, 600)
    frame = pd.DataFrame({"at": seconds * {"s": 1, "ms": 1000}[unit], "click": seconds % 2})
    parts = [*get_args(CalendarPart), "trend"]
    schema = mn.load_dataset(frame, ["click"], columns={"at": {"time": parts, "zone": zone, "unit": unit}}).schema
    assert {column.calendar.part for column in schema.categories if column.calendar} == set(get_args(CalendarPart))
    assert_encoded_alike(schema, raw_rows(schema, 3_000))


@pytest.mark.parametrize("levels", ["words", "whole numbers", "booleans"])
def test_histories_keep_their_latest_items(levels: str) -> None:
    columns = (Category(name="seen", levels=LEVELS[levels]), Category(name="kind", levels=("a", "b")))
    history = HistoryColumns(name="visits", columns=columns, length=3, items=1)
    length = number().model_copy(update={"name": "length(visits)"})
    schema = Schema(sequences=(history,), numbers=(length,), tasks=(CLICK,))
    assert_encoded_alike(schema, raw_rows(schema, 300))
    assert_encoded_alike(schema, pd.DataFrame({"seen": [[], ["a"] * 9], "kind": [[], [None] * 9]}))
