"""The labels of one task in a table whose features a schema describes already."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from mtl_nas.data.columns.encoding import with_text_names
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.pipeline.label_statistics import LabelStatistics
from mtl_nas.data.pipeline.survey import survey_labels
from mtl_nas.data.pipeline.table import FrameTable
from mtl_nas.data.schema import Task
from mtl_nas.data.splits import Parts
from mtl_nas.data.storage.rows import Floats


class LabelledTask(NamedTuple):
    """A task, its labels (N, 1), and the rows of each part."""

    task: Task
    labels: Floats
    parts: Parts


def read_task(frame: pd.DataFrame, declaration: Declaration) -> LabelledTask:
    """Infer, split and read the one task of a declaration; DataError where a split cannot train or score it."""
    table = FrameTable(with_text_names(frame))
    survey = survey_labels(table, declaration)
    statistics = LabelStatistics(survey, table.quantile_rows)
    (batch,) = table.batches()
    statistics.add(batch)
    (task,) = statistics.tasks()
    return LabelledTask(task, survey.labels.read(batch.frame).labels.astype(np.float32), survey.parts)
