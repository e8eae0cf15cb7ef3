"""Columns become a state: embedding tables, the mean over fields, a learned vector a task."""

from collections.abc import Sequence as Widths
from typing import ClassVar, Literal

from mtl_nas.blocks.options import NumberEncoding, Units
from mtl_nas.values import Value


class Vocabulary(Value):
    """A categorical column of an embedding and how many ids it has."""

    name: str
    size: int


class Embedding(Value):
    """Columns -> (B, D): one table row a categorical field, numbers in one of four encodings.

    standard: (x - mean) / deviation. quantile: the normal score of the rank. bucket: a table row a quantile bucket.
    piecewise: the table rows of the two neighbouring quantile knots, interpolated, which spans the piecewise-linear
    encodings of Gorishniy et al. (2022).
    """

    block: Literal["embedding"] = "embedding"
    categories: tuple[Vocabulary, ...] = ()
    numbers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # the numbers that train rows lack at times
    width: Units = 8
    encoding: NumberEncoding = "bucket"
    buckets: Literal[8, 16, 32, 64, 128] = 32
    reads: ClassVar[tuple[str, ...]] = ()

    @property
    def tabled(self) -> bool:
        """Numbers have table rows, as categories do."""
        return self.encoding in ("bucket", "piecewise")

    @property
    def number_rows(self) -> int:
        """Table rows of one number: one for "missing", then its buckets or knots."""
        return self.buckets + (2 if self.encoding == "piecewise" else 1)

    @property
    def rows(self) -> int:
        """Rows of the whole table."""
        return sum(field.size for field in self.categories) + self.tabled * len(self.numbers) * self.number_rows

    @property
    def scalars(self) -> int:
        """Numbers that enter as they are, with one flag for each that can be missing."""
        return 0 if self.tabled else len(self.numbers) + len(self.missing)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return (len(self.categories) + self.tabled * len(self.numbers)) * self.width + self.scalars

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return self.rows * self.width

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row: only interpolation computes."""
        return 2 * len(self.numbers) * self.width if self.encoding == "piecewise" else 0


class FieldMean(Value):
    """(B, F * d + S) -> (B, d + S): the mean of the fields' embeddings; numbers that enter as they are stay so."""

    block: Literal["field_mean"] = "field_mean"
    fields: Units
    width: Units
    reads: ClassVar[tuple[str, ...]] = ("state",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return self.width + inputs[0] - self.fields * self.width

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return 0

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return self.fields * self.width


class TaskEmbedding(Value):
    """-> (B, width): a learned vector, one for all rows, that stands for a task (MetaHeac, Zhu et al., 2021)."""

    block: Literal["task_embedding"] = "task_embedding"
    width: Units = 8
    reads: ClassVar[tuple[str, ...]] = ()

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return self.width

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return self.width

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return 0
