"""The inputs of an ONNX file: their description for other programs, and arrays of encoded or random rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data import Category, Rows, Schema
from mtl_nas.random_streams import EXPORT_CHECK_SEED

CALENDAR = (
    "; a category with a part holds that part of the column's time on clocks of its zone; a number counts its unit "
    "since 1970-01-01 UTC; weeks are those of ISO 8601"
)


def preprocessing(schema: Schema, inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Any]:
    """Describe for programs without this library how raw columns become the inputs of the file."""
    sequences = {
        f"sequence{index}": f"int64 (rows, {len(sequence.columns)}, {sequence.length}) of '{sequence.name}'; "
        "0 = padding at the end, 1 = unseen, 2 + index in levels; the latest positions"
        for index, sequence in enumerate(schema.sequences)
    }
    times = {
        column.name: f"seconds since 1970-01-01 UTC; {column.unit} if it is a number"
        for column in schema.numbers
        if column.time
    }
    return {
        "inputs": {
            "categories": "int64 (rows, columns); 1 + index of the value's text in levels, 0 = unseen"
            + (CALENDAR if any(column.calendar for column in schema.categories) else ""),
            "numbers": "float32 (rows, columns); raw values less their origin, in double precision; NaN where missing; "
            "length(s) counts the items of s",
            **sequences,
        },
        "categories": [_category(column) for column in schema.categories],
        "numbers": [column.name for column in schema.numbers],
        "origins": {column.name: column.origin for column in schema.numbers if column.origin},
        **({"times": times} if times else {}),
        "sequences": [
            [{"column": column.name, "levels": list(column.levels)} for column in sequence.columns]
            for sequence in schema.sequences
        ],
        "outputs": {f"output{index}": name for index, name in enumerate(outputs)},
        "classes": {task.name: list(task.classes) for task in schema.tasks if len(task.columns) > 1},
        "order": list(inputs),
    }


def _category(column: Category) -> dict[str, Any]:
    part = column.calendar
    made = {} if part is None else {"name": column.name, "part": part.part, "zone": part.zone, "unit": part.unit}
    return {"column": column.source, **made, "levels": list(column.levels)}


def random_rows(schema: Schema, count: int) -> Rows:
    """Draw rows with uniform ids, and with numbers inside and outside their range and missing ones."""
    random = np.random.default_rng(EXPORT_CHECK_SEED)
    numbers = np.empty((count, len(schema.numbers)), dtype=np.float32)
    for index, number in enumerate(schema.numbers):
        numbers[:, index] = random.choice([*number.quantiles, number.quantiles[0] - 1, number.quantiles[-1] + 1], count)
        numbers[random.random(count) < 0.1, index] = np.nan
    categories = [random.integers(0, column.size, count) for column in schema.categories]
    sequences = {}
    for sequence in schema.sequences:
        filled = np.arange(sequence.length) < random.integers(0, sequence.length + 1, count)[:, None]
        columns = [random.integers(1, size, (count, sequence.length)) * filled for size in sequence.sizes]
        sequences[sequence.name] = np.stack(columns, axis=1).astype(np.int32)
    stacked = np.stack(categories, axis=1) if categories else np.empty((count, 0))
    labels = np.full((count, len(schema.tasks)), np.nan, dtype=np.float32)
    return Rows(stacked.astype(np.int32), numbers, sequences, labels)


def input_arrays(rows: Rows, schema: Schema) -> dict[str, NDArray[Any]]:
    """The arrays of encoded rows by name of the input."""
    arrays: dict[str, NDArray[Any]] = {"categories": rows.categories.astype(np.int64), "numbers": rows.numbers}
    for index, sequence in enumerate(schema.sequences):
        arrays[f"sequence{index}"] = rows.sequences[sequence.name].astype(np.int64)
    return arrays
