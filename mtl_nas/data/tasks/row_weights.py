"""What each row counts in the losses."""

import numpy as np
import pandas as pd

from mtl_nas.data.columns.encoding import float32
from mtl_nas.data.parsing.numeric import parsed
from mtl_nas.data.storage.rows import Floats
from mtl_nas.errors import DataError


def row_weights(table: pd.DataFrame, column: str | None) -> Floats | None:
    """(N,) of the column's numbers, None without one; DataError naming the first row that has no positive number."""
    if column is None:
        return None
    weights = float32(parsed(table[column])[0])
    wrong = np.flatnonzero(~(weights > 0))  # NaN too
    if len(wrong):
        row = int(wrong[0])
        value = table[column].iloc[row]
        held = "is missing" if pd.isna(value) else f"is {value!s}"
        raise DataError(
            f"column '{column}' weighs the rows, but {held} in row {row + 1}; a weight is a positive number: "
            "mend it, or leave the row out"
        )
    return weights
