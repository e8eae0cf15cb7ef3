"""Tables become datasets: schema, encoding, splits, and the data sets that come with the library.

    table -> batches -> survey -> statistics -> schema -> encoded rows -> Dataset

``loading`` decides what a source is, ``files`` opens a table of any format, ``pipeline`` turns its batches into
encoded rows, ``storage`` holds these in memory or maps them from files, ``columns`` and ``tasks`` know single features
and labels, and ``parsing`` reads values.
"""

from mtl_nas.data.builtin.registry import builtin_names
from mtl_nas.data.columns.encoding import encode_rows
from mtl_nas.data.columns.features import FeatureColumn, feature_columns, features_of
from mtl_nas.data.columns.histogram import histogram_edges, histogram_of
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration, Source, Split, TaskDeclaration
from mtl_nas.data.declaring import beside_search_file
from mtl_nas.data.files.location import TableNotFoundError
from mtl_nas.data.loading import encode_table, load_dataset, read_table
from mtl_nas.data.parsing.frames import is_frame, raw_table
from mtl_nas.data.parsing.levels import without_marks
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.pipeline.schema_statistics import read_task
from mtl_nas.data.pipeline.survey import infer
from mtl_nas.data.pipeline.table import TableBatch
from mtl_nas.data.profiling.report import profile_lines, suggestion_lines
from mtl_nas.data.profiling.table_profile import TableProfile
from mtl_nas.data.schema import Category, Histogram, HistoryColumns, Number, Schema, Task
from mtl_nas.data.storage.rows import Rows, joined
from mtl_nas.data.table_batches import TableBatches
from mtl_nas.data.table_report import TableReport, report_on_table
from mtl_nas.data.tasks.kinds import KINDS, KindName, TaskKind

__all__ = [
    "KINDS",
    "Category",
    "Dataset",
    "Declaration",
    "FeatureColumn",
    "Histogram",
    "HistoryColumns",
    "KindName",
    "Number",
    "RawTable",
    "Rows",
    "Schema",
    "Source",
    "Split",
    "TableBatch",
    "TableBatches",
    "TableNotFoundError",
    "TableProfile",
    "TableReport",
    "Task",
    "TaskDeclaration",
    "TaskKind",
    "beside_search_file",
    "builtin_names",
    "encode_rows",
    "encode_table",
    "feature_columns",
    "features_of",
    "histogram_edges",
    "histogram_of",
    "infer",
    "is_frame",
    "joined",
    "load_dataset",
    "profile_lines",
    "raw_table",
    "read_table",
    "read_task",
    "report_on_table",
    "suggestion_lines",
    "without_marks",
]
