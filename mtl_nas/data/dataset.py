"""A table that is ready to learn from: encoded rows per split, under one schema."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mtl_nas import html
from mtl_nas.data.columns.features import feature_columns
from mtl_nas.data.columns.values import table_values
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.parsing.raw import RawTable
from mtl_nas.data.profiling.table_profile import TableProfile, read_profile
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import Parts
from mtl_nas.data.storage.encoded_folder import StoredSplits
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

HASHED_ROWS = 2**18  # rows that are hashed at once
ROW_SETS = ("train", "validation", "tuning", "choosing", "test")


class RawRows(NamedTuple):
    """Tables in memory, the second with test rows, the row numbers of each part, and the profile of the columns."""

    tables: tuple[RawTable, ...]
    parts: Parts
    profile: TableProfile

    def values(self, part: str, schema: Schema) -> pd.DataFrame:
        """The feature columns of a part, as the schema reads them."""
        rows, first, frames = self.parts[part], 0, []
        for table in self.tables:
            inside = rows[(rows >= first) & (rows < first + len(table))] - first
            frames.append(table_values(table.select(feature_columns(schema)).take(inside), schema))
            first += len(table)
        filled = [frame for frame in frames if len(frame)]
        return pd.concat(filled, ignore_index=True) if filled else frames[0]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Encoded rows of every split; a data set that was loaded from a table keeps its raw rows, too."""

    name: str
    schema: Schema
    declaration: Declaration  # complete: loads the same data again
    notes: tuple[str, ...]  # on what was inferred, repaired and left out
    encoded: Mapping[str, Rows]  # train, validation (tuning rows first, then choosing rows), test
    tuning: int  # number of validation rows that score rungs and checks; the others choose between trained models
    raw: RawRows | None = None
    given_fingerprint: str | None = None

    @property
    def folds(self) -> tuple["Dataset", ...]:
        """The data sets of which each trains one network of a model: this one; with folds, one per fold."""
        return (self,)

    def held_out(self, split: str) -> list[NDArray[np.int64]]:
        """Per network of a model the positions in ``rows(split)`` of the rows that it scores: all of them."""
        return [np.arange(len(self.rows(split)))]

    def rows(self, split: str) -> Rows:
        """Rows of train, validation, test, or of a half of validation: tuning or choosing."""
        _refuse_unknown(split)
        if split == "tuning":
            return self.encoded["validation"].take(slice(None, self.tuning))
        if split == "choosing":
            return self.encoded["validation"].take(slice(self.tuning, None))
        if split not in self.encoded:
            raise DataError("the test split is opened once, by the final stage of a search")
        return self.encoded[split]

    def frame(self, split: str) -> pd.DataFrame:
        """Raw feature columns and one label column per task, in the order of ``rows(split)``."""
        _refuse_unknown(split)
        if isinstance(self.encoded, StoredSplits):
            raise DataError(
                f"'{self.encoded.folder}' holds encoded rows only; raw ones are in the table it was made of"
            )
        if self.raw is None:
            raise DataError("the raw rows stay with the data set that was loaded; a search carries encoded rows only")
        parts = ("tuning", "choosing") if split == "validation" else (split,)
        labels = self.rows(split).labels
        raw = pd.concat([self.raw.values(part, self.schema) for part in parts], ignore_index=True)
        columns = [task.rules.label_values(labels[:, index], task) for index, task in enumerate(self.schema.tasks)]
        return pd.concat([raw, *columns], axis="columns")

    @property
    def profile(self) -> TableProfile | None:
        """Facts on the columns of the table, and suggestions; None in a search, and for folders of 0.1.0."""
        if isinstance(self.encoded, StoredSplits):
            return read_profile(Path(self.encoded.folder))
        return None if self.raw is None else self.raw.profile

    def for_search(self) -> "Dataset":
        """The data set without test rows and raw rows, which trials must not see."""
        encoded: Mapping[str, Rows]
        if isinstance(self.encoded, StoredSplits):
            encoded = self.encoded.without("test")
        else:
            encoded = {split: rows for split, rows in self.encoded.items() if split != "test"}
        return replace(self, encoded=encoded, raw=None, given_fingerprint=self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the schema and of every encoded row, test rows included."""
        if self.given_fingerprint is not None:
            return self.given_fingerprint
        return fingerprint(self.schema, self.encoded, self.tuning)

    @property
    def _sizes(self) -> str:
        return " + ".join(f"{len(rows):,}" for rows in self.encoded.values())

    def _repr_html_(self) -> str:
        """Tasks and notes, for a notebook."""
        tasks = [
            (task.name, task.kind, "after " + task.after if task.after else "where " + task.where if task.where else "")
            for task in self.schema.tasks
        ]
        title, _, rest = repr(self).removesuffix(")").partition(": ")
        notes = html.folded(f"{len(self.notes)} notes on what was read", self.notes)
        head = html.heading(title.replace("(", " "), rest.partition("; task")[0])
        return head + html.table(["task", "kind", ""], tasks, texts=3) + notes

    def __repr__(self) -> str:
        schema = self.schema
        kinds = (
            (len(schema.categories), "category", "categories"),
            (len(schema.numbers), "number", "numbers"),
            (len(schema.sequences), "sequence", "sequences"),
        )
        columns = ", ".join(f"{count} {singular if count == 1 else plural}" for count, singular, plural in kinds)
        tasks = f"task{'s' * (len(schema.tasks) > 1)} {', '.join(schema.task_names)}"
        return f"Dataset({self.name}: {self._sizes} rows; {columns}; {tasks})"


def fingerprint(schema: Schema, encoded: Mapping[str, Rows], tuning: int) -> str:
    """A hash of the schema and of every encoded row, the same for rows in memory and in files.

    What is fitted to the rows for encodings of numbers is left out: it follows from the rows.
    """
    digest = hashlib.blake2b(schema.without_fits.model_dump_json().encode(), digest_size=16)
    for split in ("train", "validation", "test"):
        for name, array in encoded[split].arrays():
            digest.update(f"{split}.{name} {array.shape}".encode())
            dtype = np.int32 if array.dtype.kind in "iu" else np.float32  # ids in files are narrower
            for start in range(0, len(array), HASHED_ROWS):
                digest.update(np.ascontiguousarray(array[start : start + HASHED_ROWS], dtype=dtype).data)
    digest.update(str(tuning).encode())
    return digest.hexdigest()


def _refuse_unknown(split: str) -> None:
    if split not in ROW_SETS:
        raise DataError(f"no split '{split}': {', '.join(ROW_SETS)}{nearest(split, ROW_SETS)}")
