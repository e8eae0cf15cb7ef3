"""An encoded folder as a data set."""

from pathlib import Path

from mtl_nas.data.columns.fitting import with_fits
from mtl_nas.data.dataset import Dataset
from mtl_nas.data.declaration import Declaration, Split
from mtl_nas.data.schema import Schema
from mtl_nas.data.storage.encoded_folder import SCHEMA, StoredSplits, read_index
from mtl_nas.errors import DataError
from mtl_nas.tree_files import read_tree
from mtl_nas.values import parse


def encoded_dataset(folder: Path, declaration: Declaration) -> Dataset:
    """The data set in an encoded folder; DataError where the declaration contradicts the one it was encoded with."""
    index = read_index(folder)
    schema = parse(Schema, read_tree(folder / SCHEMA, DataError), str(folder / SCHEMA), DataError)
    _refuse_contradiction(folder, declaration, index.declaration)
    path = str(folder.absolute())
    source = index.declaration.data.model_copy(update={"table": path})
    encoded = StoredSplits(path, schema, index.fingerprint)
    if any(number.histogram is None for number in schema.numbers):  # a folder of 0.1.0
        schema = with_fits(schema, encoded["train"])
    return Dataset(
        name=index.name,
        schema=schema,
        declaration=index.declaration.model_copy(update={"data": source}),
        notes=index.notes,
        encoded=encoded,
        tuning=index.tuning,
        given_fingerprint=index.fingerprint,
    )


def _refuse_contradiction(folder: Path, declaration: Declaration, encoded: Declaration) -> None:
    """A declaration may leave out what the folder was encoded with, but say nothing else."""
    data, own, ignored = declaration.data, encoded.data, set(encoded.data.ignore)
    sequences = {name: part.columns for name, part in declaration.sequences.items()}
    own_sequences = {name: part.columns for name, part in encoded.sequences.items()}
    agreements = {
        f"tasks ({', '.join(encoded.tasks)})": not declaration.tasks or _same_tasks(declaration, encoded),
        "columns": all(own.columns.get(name) == kind or name in ignored for name, kind in data.columns.items()),
        "ignored columns": set(data.ignore) <= ignored,
        "sequences": sequences.items() <= own_sequences.items(),
        "split": "split" not in data.model_fields_set or _same_split(data.split, own.split),
        "group": data.group in (None, own.group),
        "weight": data.weight in (None, own.weight),
        "violations": declaration.violations in (None, encoded.violations),
    }
    for name, agrees in agreements.items():
        if not agrees:
            raise DataError(
                f"'{folder}' is encoded and keeps its {name}: encode the table again to change that, or leave it out"
            )


def _same_split(split: Split, encoded: Split) -> bool:
    stratified = split.stratified if "stratified" in split.model_fields_set else encoded.stratified
    return split.model_copy(update={"stratified": stratified}) == encoded


def _same_tasks(declaration: Declaration, encoded: Declaration) -> bool:
    return list(declaration.tasks) == list(encoded.tasks) and all(
        getattr(task, field) == getattr(encoded.tasks[name], field) or (field == "column" and task.column == name)
        for name, task in declaration.tasks.items()
        for field in task.model_fields_set
    )
