"""The values of a raw table as the schema reads them, for whoever trains another model on the same rows."""

import pandas as pd
from pyarrow import types

from mtl_nas.data.parsing.levels import spelling
from mtl_nas.data.parsing.numeric import parse_numbers
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.schema import Schema


def table_values(table: RawTable, schema: Schema) -> pd.DataFrame:
    """The columns as a frame: text that spells numbers becomes numbers; other values are those of the container.

    Texts of times of which a calendar part is a feature stay as they are.
    """
    frame = table.to_pandas()
    times = {column.source for column in schema.categories if column.calendar is not None}
    times |= {column.name for column in schema.numbers if column.unit != "s"}
    numbers = {column.name: column.time for column in schema.numbers}
    numbers |= dict.fromkeys(times, False)
    numbers |= {column.name: False for column in schema.categories if spelling(column.levels) == "number"}
    for column in table:
        if column.name in numbers and types.is_large_string(column.values.type):
            values, invalid = parse_numbers(column, time=numbers[column.name])
            if invalid.any():  # texts of times
                continue
            whole = not pd.isna(values).any() and bool((values % 1 == 0).all())
            frame[column.name] = values.astype("int64") if whole else values
    return frame
