"""A table that is ready to learn from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from mtl_nas.data.columns.encoding import feature_columns
from mtl_nas.data.declaration import Declaration
from mtl_nas.data.schema import Schema
from mtl_nas.data.splits import Parts
from mtl_nas.data.storage.encoded_folder import Stored
from mtl_nas.data.storage.rows import Rows
from mtl_nas.errors import DataError
from mtl_nas.values import nearest

DIGESTED = 2**18  # rows at once
SPLITS = ("train", "validation", "tuning", "choosing", "test")


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Encoded rows of every split, under one schema; ``table`` and ``parts`` are the raw rows behind them."""

    name: str
    schema: Schema
    declaration: Declaration  # complete: loads the same data again
    notes: tuple[str, ...]  # what was inferred, repaired, left out
    encoded: Mapping[str, Rows]  # train, validation (tuning rows first, then choosing rows), test
    tuning: int  # validation rows that rungs and early stopping look at
    table: pd.DataFrame | None
    parts: Parts
    known_fingerprint: str | None = None

    def rows(self, split: str) -> Rows:
        """Rows of train, validation, test, or of the halves of validation: tuning and choosing."""
        _refuse_unknown(split)
        if split == "tuning":
            return self.encoded["validation"].take(slice(None, self.tuning))
        if split == "choosing":
            return self.encoded["validation"].take(slice(self.tuning, None))
        if split not in self.encoded:
            raise DataError("the test split is opened once, by the final stage of a search")
        return self.encoded[split]

    def frame(self, split: str) -> pd.DataFrame:
        """Raw feature columns and one label column a task, in the order of ``rows(split)``."""
        _refuse_unknown(split)
        if isinstance(self.encoded, Stored):
            raise DataError(
                f"'{self.encoded.folder}' holds encoded rows only; raw ones are in the table it was made of"
            )
        if self.table is None:
            raise DataError("the raw rows stay with the data set that was loaded; a search carries encoded rows only")
        chosen = (
            [*self.parts["tuning"], *self.parts["choosing"]] if split == "validation" else self.parts[split].tolist()
        )
        labels = self.rows(split).labels
        raw = self.table[feature_columns(self.schema)].iloc[chosen].reset_index(drop=True)
        shown = [task.rules.label_values(labels[:, place], task) for place, task in enumerate(self.schema.tasks)]
        return pd.concat([raw, *shown], axis="columns")

    def for_search(self) -> "Dataset":
        """The same without test rows and raw rows: what trials may see."""
        encoded: Mapping[str, Rows]
        if isinstance(self.encoded, Stored):
            encoded = self.encoded.without("test")
        else:
            encoded = {split: rows for split, rows in self.encoded.items() if split != "test"}
        return replace(self, encoded=encoded, table=None, parts={}, known_fingerprint=self.fingerprint)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the schema and of every encoded row, test rows included."""
        if self.known_fingerprint is not None:
            return self.known_fingerprint
        return fingerprint(self.schema, self.encoded, self.tuning)

    def __repr__(self) -> str:
        """Sizes, columns, tasks."""
        sizes = " + ".join(f"{len(rows):,}" for rows in self.encoded.values())
        schema = self.schema
        kinds = (
            (len(schema.categories), "category", "categories"),
            (len(schema.numbers), "number", "numbers"),
            (len(schema.sequences), "sequence", "sequences"),
        )
        columns = ", ".join(f"{count} {one if count == 1 else several}" for count, one, several in kinds)
        tasks = f"task{'s' * (len(schema.tasks) > 1)} {', '.join(schema.task_names)}"
        return f"Dataset({self.name}: {sizes} rows; {columns}; {tasks})"


def fingerprint(schema: Schema, encoded: Mapping[str, Rows], tuning: int) -> str:
    """A digest of the schema and of every encoded row, the same wherever the rows lie."""
    digest = hashlib.blake2b(schema.model_dump_json().encode(), digest_size=16)
    for split in ("train", "validation", "test"):
        for name, array in encoded[split].arrays():
            digest.update(f"{split}.{name} {array.shape}".encode())
            wide = np.int32 if array.dtype.kind in "iu" else np.float32  # stored ids are narrower
            for start in range(0, len(array), DIGESTED):
                digest.update(np.ascontiguousarray(array[start : start + DIGESTED], dtype=wide).data)
    digest.update(str(tuning).encode())
    return digest.hexdigest()


def _refuse_unknown(split: str) -> None:
    if split not in SPLITS:
        raise DataError(f"no split '{split}': {', '.join(SPLITS)}{nearest(split, SPLITS)}")
