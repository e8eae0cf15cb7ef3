"""Blocks that turn columns into a state: embedding tables, the mean over fields, a learned vector per task."""

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from mtl_nas.blocks.block import Block, Colour
from mtl_nas.blocks.options import NumberEncoding, NumberEncodings, Units
from mtl_nas.data import Schema
from mtl_nas.values import Value


class Vocabulary(Value):
    """A categorical column of an embedding and its number of ids."""

    name: str
    size: int


SCALARS: NumberEncodings = ("standard", "quantile", "robust")  # one value per row
TABLED: NumberEncodings = ("bucket", "histogram")  # the table row of a bucket
INTERPOLATED: NumberEncodings = ("piecewise", "target")  # the table rows of two knots, interpolated
WAVES: NumberEncodings = ("periodic",)  # learned sines and cosines


class NumberPart(NamedTuple):
    """One encoding of one number of an embedding."""

    column: int  # index of the number among those of the schema
    encoding: NumberEncoding


class Embedding(Block):
    """Columns -> (B, D): one table row per categorical field, and numbers in one or several encodings each.

    standard: (x - mean) / deviation. quantile: the normal score of the rank. robust: the distance from the median in
    interquartile ranges, smoothly clipped at 3 (Holzmueller et al., 2024). bucket: a table row per quantile bucket.
    histogram: a table row per bin of the histogram, in which a value that recurs is alone. piecewise: the table rows of
    the two neighbouring quantile knots, interpolated, which spans the piecewise-linear encodings of Gorishniy et al.
    (2022). target: the same between thresholds at which labels change. periodic: relu(W [sin 2 pi c x, cos 2 pi c x] +
    b) of the robust x, with frequencies c and a linear map W, b per column (Gorishniy et al., 2022).
    """

    later_fields: ClassVar[tuple[str, ...]] = ("encodings", "frequencies", "frequency")
    block: Literal["embedding"] = "embedding"
    categories: tuple[Vocabulary, ...] = ()
    numbers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # numbers with missing values in the train rows
    width: Units = 8
    encoding: NumberEncoding = "bucket"
    buckets: Literal[8, 16, 32, 64, 128] = 32
    encodings: tuple[NumberEncodings, ...] = ()  # of each number, unless all have ``encoding`` alone
    frequencies: Units = 16  # of each periodic number
    frequency: float = 0.1  # standard deviation of their first draws, in cycles per interquartile range
    colour: ClassVar[Colour] = Colour.INPUT
    origin: ClassVar[str] = "columns"

    def parts(self, *encodings: NumberEncoding) -> tuple[NumberPart, ...]:
        """The numbers with one of the encodings, encoding by encoding in the order of the columns."""
        each = self.encodings or ((self.encoding,),) * len(self.numbers)
        return tuple(
            NumberPart(column, encoding) for column, own in enumerate(each) for encoding in encodings if encoding in own
        )

    @property
    def tabled(self) -> tuple[NumberPart, ...]:
        """Numbers that have table rows, as categories do: one row each, then those with two."""
        return (*self.parts(*TABLED), *self.interpolated)

    @property
    def interpolated(self) -> tuple[NumberPart, ...]:
        """Numbers whose vector lies between two table rows."""
        return self.parts(*INTERPOLATED)

    @property
    def waves(self) -> tuple[NumberPart, ...]:
        """Numbers that are encoded by sines and cosines."""
        return self.parts(*WAVES)

    @property
    def flagged(self) -> tuple[int, ...]:
        """Indices of the numbers that can be missing and have an encoding without a table row for that."""
        indices = {part.column for part in (*self.parts(*SCALARS), *self.waves)}
        return tuple(index for index, name in enumerate(self.numbers) if name in self.missing and index in indices)

    def number_rows(self, part: NumberPart) -> int:
        """Table rows of a number: one for a missing value, then its buckets or knots."""
        return self.buckets + (2 if part.encoding in INTERPOLATED else 1)

    @property
    def fields(self) -> int:
        """Number of vectors that stand side by side: of categories, and of numbers that have one."""
        return len(self.categories) + len(self.tabled) + len(self.waves)

    @property
    def table_rows(self) -> int:
        return sum(field.size for field in self.categories) + sum(map(self.number_rows, self.tabled))

    @property
    def scalars(self) -> int:
        """Number of values per row that enter as numbers, with one flag for each number that can be missing."""
        return len(self.parts(*SCALARS)) + len(self.flagged)

    def units(self, widths: Sequence[int]) -> int:
        return self.fields * self.width + self.scalars

    def parameters(self, widths: Sequence[int]) -> int:
        return self.table_rows * self.width + len(self.waves) * (
            self.frequencies + (2 * self.frequencies + 1) * self.width
        )

    def macs(self, widths: Sequence[int]) -> int:
        interpolation = 2 * len(self.interpolated) * self.width
        return interpolation + len(self.waves) * self.frequencies * (1 + 2 * self.width)

    def label(self, widths: Sequence[int]) -> str:
        parts = [f"{len(self.categories)} field{'s' * (len(self.categories) > 1)}"] if self.categories else []
        if self.numbers:
            parts.append(f"{len(self.numbers)} number{'s' * (len(self.numbers) > 1)} ({self._words})")
        return f"embedding {self.width}: {' + '.join(parts)}"

    @property
    def _words(self) -> str:
        """The encodings in use, those of one column joined by +, the most frequent first."""
        counts = Counter(" + ".join(own) for own in self.encodings) or Counter([self.encoding])
        return ", ".join(words for words, _ in counts.most_common())

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
