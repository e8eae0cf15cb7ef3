"""Weights of the rows in the losses."""

import numpy as np

from mtl_nas.data.parsing.numeric import parse_numbers, single_precision
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.storage.rows import Floats
from mtl_nas.errors import DataError


def row_weights(table: RawTable, column: str | None) -> Floats | None:
    """The numbers of the column, (N,), None without a column; DataError naming the first row without a positive one."""
    if column is None:
        return None
    weights = single_precision(parse_numbers(table[column])[0])
    invalid = np.flatnonzero(~(weights > 0))  # NaN too
    if len(invalid):
        row = int(invalid[0])
        content = "is missing" if table[column].missing[row] else f"is {table[column].value(row)!s}"
        raise DataError(
            f"column '{column}' weighs the rows, but {content} in row {row + 1}; a weight is a positive number: "
            "mend it, or leave the row out"
        )
    return weights
