"""The combination of the labels of each row of a table, for random splits."""

import numpy as np

from mtl_nas.data.pipeline.table import Table
from mtl_nas.data.stratification import Combinations, LabelCombinations
from mtl_nas.data.tasks.label_reader import LabelReader


def label_combinations(table: Table, reader: LabelReader, rows: int) -> Combinations:
    """Read the labels of a table of so many rows once; two bytes per row are kept."""
    group = reader.declaration.data.group
    columns = [*reader.declaration.label_columns().values(), *([group] if group is not None else [])]
    combinations = LabelCombinations(rows, [task.rules.has_classes for task in reader.tasks])
    origins = np.array([task.origin for task in reader.tasks])  # labels are counted from there, and zero is told apart
    for batch in table.batches(columns):
        with batch.numbered():
            combinations.add(reader.read(batch.table).labels + origins)
    return combinations.combinations()
