"""Tables become datasets: schema, encoding, splits, and the data sets that come with the library."""

from mtl_nas.data.builtins import builtin_names
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.encoding import encode
from mtl_nas.data.inference import infer
from mtl_nas.data.loading import load_dataset
from mtl_nas.data.rows import Rows
from mtl_nas.data.schema import Category, Number, Schema, Sequence, Task
from mtl_nas.data.tables import read_table

__all__ = [
    "Category",
    "Dataset",
    "Declaration",
    "Number",
    "Rows",
    "Schema",
    "Sequence",
    "Task",
    "builtin_names",
    "encode",
    "infer",
    "load_dataset",
    "read_table",
]
