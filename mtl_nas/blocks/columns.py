"""Blocks that turn columns into a state: embedding tables, the mean over fields, a learned vector per task."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from mtl_nas.blocks.block import Block, Colour
from mtl_nas.blocks.options import NumberEncoding, Units
from mtl_nas.data import Schema
from mtl_nas.values import Value


class Vocabulary(Value):
    """A categorical column of an embedding and its number of ids."""

    name: str
    size: int


class Embedding(Block):
    """Columns -> (B, D): one table row per categorical field, and numbers in one of four encodings.

    standard: (x - mean) / deviation. quantile: the normal score of the rank. bucket: a table row per quantile bucket.
    piecewise: the table rows of the two neighbouring quantile knots, interpolated, which spans the piecewise-linear
    encodings of Gorishniy et al. (2022).
    """

    block: Literal["embedding"] = "embedding"
    categories: tuple[Vocabulary, ...] = ()
    numbers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # numbers with missing values in the train rows
    width: Units = 8
    encoding: NumberEncoding = "bucket"
    buckets: Literal[8, 16, 32, 64, 128] = 32
    colour: ClassVar[Colour] = Colour.INPUT
    origin: ClassVar[str] = "columns"

    @property
    def tabled(self) -> bool:
        """Whether numbers have table rows, as categories do."""
        return self.encoding in ("bucket", "piecewise")

    @property
    def number_rows(self) -> int:
        """Table rows per number: one for a missing value, then its buckets or knots."""
        return self.buckets + (2 if self.encoding == "piecewise" else 1)

    @property
    def fields(self) -> int:
        """Number of columns that have table rows."""
        return len(self.categories) + self.tabled * len(self.numbers)

    @property
    def table_rows(self) -> int:
        return sum(field.size for field in self.categories) + self.tabled * len(self.numbers) * self.number_rows

    @property
    def scalars(self) -> int:
        """Number of values per row that enter as numbers, with one flag for each number that can be missing."""
        return 0 if self.tabled else len(self.numbers) + len(self.missing)

    def units(self, widths: Sequence[int]) -> int:
        return self.fields * self.width + self.scalars

    def parameters(self, widths: Sequence[int]) -> int:
        return self.table_rows * self.width

    def macs(self, widths: Sequence[int]) -> int:
        return 2 * len(self.numbers) * self.width if self.encoding == "piecewise" else 0  # only interpolation

    def label(self, widths: Sequence[int]) -> str:
        parts = [f"{len(self.categories)} field{'s' * (len(self.categories) > 1)}"] if self.categories else []
        if self.numbers:
            parts.append(f"{len(self.numbers)} number{'s' * (len(self.numbers) > 1)} ({self.encoding})")
        return f"embedding {self.width}: {' + '.join(parts)}"

    def mismatch(self, schema: Schema) -> str:
        read = {field.name: field.size for field in self.categories} | dict.fromkeys(self.numbers, 0)
        given = {column.name: column.size for column in schema.categories} | {n.name: 0 for n in schema.numbers}
        strange = [name for name in read if name not in given] or [name for name in given if name not in read]
        if strange:
            return f"was made for other columns than the data has, such as '{strange[0]}'"
        for name, size in read.items():
            if size != given[name]:
                return f"has {size} ids for column '{name}', the data has {given[name]}"
        missing = {column.name for column in schema.numbers if column.missing}
        if list(read) != list(given) or set(self.missing) != missing:
            return "was made for other columns than the data has, or in another order"
        return ""


class FieldMean(Block):
    """(B, F * d + S) -> (B, d + S): the mean of F fields' embeddings, beside the S values that enter as numbers."""

    block: Literal["field_mean"] = "field_mean"
    fields: Units
    width: Units
    reads: ClassVar[tuple[str, ...]] = ("state",)
    colour: ClassVar[Colour] = Colour.INPUT

    def units(self, widths: Sequence[int]) -> int:
        return self.width + widths[0] - self.fields * self.width

    def macs(self, widths: Sequence[int]) -> int:
        return self.fields * self.width

    def label(self, widths: Sequence[int]) -> str:
        return f"mean of {self.fields} fields"


class TaskEmbedding(Block):
    """-> (B, width): a learned vector, equal for all rows, that stands for a task (MetaHeac, Zhu et al., 2021)."""

    block: Literal["task_embedding"] = "task_embedding"
    width: Units = 8
    colour: ClassVar[Colour] = Colour.INPUT

    def units(self, widths: Sequence[int]) -> int:
        return self.width

    def parameters(self, widths: Sequence[int]) -> int:
        return self.width

    def label(self, widths: Sequence[int]) -> str:
        return f"task embedding {self.width}"
