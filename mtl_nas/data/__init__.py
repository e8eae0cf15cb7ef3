"""Tables become datasets: schema, encoding, splits, and the data sets that come with the library."""

from mtl_nas.data.builtin.registry import builtin_names
from mtl_nas.data.columns.encoding import encode
from mtl_nas.data.columns.inference import infer
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.loading import load_dataset
from mtl_nas.data.parsing.tables import read_table
from mtl_nas.data.schema import Category, Number, Schema, Sequence, Task
from mtl_nas.data.storage.rows import Rows
from mtl_nas.data.tasks.kinds import KINDS, KindName, TaskKind

__all__ = [
    "KINDS",
    "Category",
    "Dataset",
    "Declaration",
    "KindName",
    "Number",
    "Rows",
    "Schema",
    "Sequence",
    "Task",
    "TaskKind",
    "builtin_names",
    "encode",
    "infer",
    "load_dataset",
    "read_table",
]
