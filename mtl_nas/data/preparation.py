"""A table in memory -> a Dataset."""

from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.pipeline.row_encoding import TableEncoding
from mtl_nas.data.pipeline.table import FrameTable
from mtl_nas.data.storage.rows import joined


def prepare(name: str, table: FrameTable, declaration: Declaration) -> Dataset:
    """Infer what is not declared, split, fit statistics on the train rows, encode, and look for leaks."""
    encoding = TableEncoding.fit(table, declaration)
    (parts,) = encoding.rows()
    tuning = len(parts["tuning"])
    validation = joined([parts.pop("tuning"), parts.pop("choosing")])
    complete, notes = encoding.described(parts["train"])
    return Dataset(
        name=name,
        schema=encoding.schema,
        declaration=complete,
        notes=notes,
        encoded={"train": parts["train"], "validation": validation, "test": parts["test"]},
        tuning=tuning,
        table=table.frame,
        parts=encoding.survey.parts,
    )
