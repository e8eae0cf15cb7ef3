"""An encoded folder as a data set."""

from pathlib import Path

from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.encoded_folder import SCHEMA, Stored, read_index
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
    """What is said may be less than what the folder knows, but nothing else."""
    data, own, left_out = said.data, known.data, set(known.data.ignore)
    said_sequences = {name: part.columns for name, part in said.sequences.items()}
    same = {
        f"tasks ({', '.join(known.tasks)})": not said.tasks or _same_tasks(said, known),
        "columns": all(own.columns.get(name) == kind or name in left_out for name, kind in data.columns.items()),
        "ignored columns": set(data.ignore) <= left_out,
        "sequences": said_sequences.items() <= {name: part.columns for name, part in known.sequences.items()}.items(),
        "split": "split" not in data.model_fields_set or data.split == own.split,
        "group": data.group in (None, own.group),
        "weight": data.weight in (None, own.weight),
        "violations": said.violations in (None, known.violations),
    }
    for what, kept in same.items():
        if not kept:
            raise DataError(
                f"'{folder}' is encoded and keeps its {what}: encode the table again to change that, or leave it out"
            )


def _same_tasks(said: Declaration, known: Declaration) -> bool:
    return list(said.tasks) == list(known.tasks) and all(
        getattr(task, key) == getattr(known.tasks[name], key) or (key == "column" and task.column == name)
        for name, task in said.tasks.items()
        for key in task.model_fields_set
    )
