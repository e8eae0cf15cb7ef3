"""A data set for cross-validation."""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mtl_nas.data.dataset import Dataset, fingerprint


@dataclass(frozen=True, eq=False, repr=False)
class FoldedDataset(Dataset):
    """A data set for cross-validation: all rows but the test rows are validation rows, each held out once.

    A network of fold k is trained on the rows outside of it, and scored on its tuning and choosing rows.
    """

    fold: NDArray[np.uint8] = field(kw_only=True)  # of each validation row, in the order of ``rows("validation")``

    @cached_property
    def folds(self) -> tuple[Dataset, ...]:
        """One data set per fold, without test rows, whose train rows are those of the other folds."""
        return tuple(map(self._fold, range(int(self.fold.max()) + 1)))

    def held_out(self, split: str) -> list[NDArray[np.int64]]:
        """Per fold the positions in ``rows(split)`` that it holds; every fold reads all test rows."""
        if split == "test":
            return [np.arange(len(self.rows(split)))] * len(self.folds)
        if split == "tuning":
            fold = self.fold[: self.tuning]
        elif split == "choosing":
            fold = self.fold[self.tuning :]
        else:
            fold = self.fold
        return [np.flatnonzero(fold == number) for number in range(len(self.folds))]

    def _fold(self, number: int) -> Dataset:
        rows = self.encoded["validation"]
        inside, outside = np.flatnonzero(self.fold == number), np.flatnonzero(self.fold != number)
        return Dataset(
            name=self.name,
            schema=self.schema,
            declaration=self.declaration,
            notes=self.notes,
            encoded={"train": rows.take(outside), "validation": rows.take(inside)},
            tuning=int((inside < self.tuning).sum()),
            given_fingerprint=self.fingerprint,
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the schema, of every encoded row, and of the folds."""
        if self.given_fingerprint is not None:
            return self.given_fingerprint
        rows = fingerprint(self.schema, self.encoded, self.tuning)
        return hashlib.blake2b(rows.encode() + self.fold.tobytes(), digest_size=16).hexdigest()

    @property
    def _sizes(self) -> str:
        test = f" + {len(self.encoded['test']):,}" if "test" in self.encoded else ""
        return f"{len(self.fold):,} in {len(self.folds)} folds{test}"


def folded(data: Dataset, fold: NDArray[np.uint8]) -> FoldedDataset:
    """The data set with the fold of each validation row."""
    fields = {name: getattr(data, name) for name in Dataset.__dataclass_fields__}
    return FoldedDataset(**fields, fold=fold)
