"""An encoded folder as a data set."""

from pathlib import Path

from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.stored import SCHEMA, Stored, read_index
from mtl_nas.errors import DataError
from mtl_nas.values import parse, read_tree


def encoded_dataset(folder: Path, said: Declaration) -> Dataset:
    """The data set in an encoded folder; DataError where something else is declared than what it was encoded with."""
    index = read_index(folder)
    schema = parse(Schema, read_tree(folder / SCHEMA, DataError), str(folder / SCHEMA), DataError)
    _refuse_other(folder, said, index.declaration)
    here = str(folder.absolute())
    source = index.declaration.data.model_copy(update={"table": here})
    return Dataset(
        name=index.name,
        schema=schema,
        declaration=index.declaration.model_copy(update={"data": source}),
        notes=index.notes,
        encoded=Stored(here, schema, index.fingerprint),
        tuning=index.tuning,
        table=None,
        parts={},
        known_fingerprint=index.fingerprint,
    )


def _refuse_other(folder: Path, said: Declaration, known: Declaration) -> None:
    way_out = f"'{folder}' is encoded and keeps its {{}}: encode the table again to change that, or leave it out"
    if said.tasks and (
        list(said.tasks) != list(known.tasks)
        or any(
            getattr(task, key) != getattr(known.tasks[name], key)
            for name, task in said.tasks.items()
            for key in task.model_fields_set - ({"column"} if task.column in (None, name) else set())
        )
    ):
        raise DataError(way_out.format(f"tasks ({', '.join(known.tasks)})"))
    for key in said.data.model_fields_set - {"table"}:
        if getattr(said.data, key) != getattr(known.data, key):
            raise DataError(way_out.format(key))
    for key in said.model_fields_set - {"data", "tasks"}:
        if getattr(said, key) != getattr(known, key):
            raise DataError(way_out.format(key))
