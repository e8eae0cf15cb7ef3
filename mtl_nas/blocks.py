"""The kinds of node: their options, and what each costs at given widths.

A block is a value and knows no torch; ``mtl_nas.model`` holds one batched implementation for each.
Widths are numbers a row; operations are multiply-adds a row; both are exact for the modules that run.
"""

from collections.abc import Sequence as Widths
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.values import Value

Units = Annotated[int, Field(ge=1, le=65536)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Activation = Literal["relu", "gelu", "silu", "tanh", "identity"]
Norm = Literal["none", "batch", "layer"]
NumberEncoding = Literal["standard", "quantile", "bucket", "piecewise"]


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

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row: only interpolation computes."""
        return 2 * len(self.numbers) * self.width if self.encoding == "piecewise" else 0


class Sequence(Value):
    """(B, columns, length) ids -> (B, columns * width): the mean of the filled positions; none gives zeros."""

    block: Literal["sequence"] = "sequence"
    name: str
    sizes: tuple[int, ...]
    length: int
    width: Units = 8
    reads: ClassVar[tuple[str, ...]] = ()

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return len(self.sizes) * self.width

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return sum(self.sizes) * self.width

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return len(self.sizes) * self.length * self.width


class Concat(Value):
    """(B, D1), (B, D2), ... -> (B, D1 + D2 + ...)."""

    block: Literal["concat"] = "concat"
    reads: ClassVar[tuple[str, ...]] = ("part",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return sum(inputs)

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return 0

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return 0


class Layers(Value):
    """Hidden layers: Linear -> norm -> activation -> dropout, the last one activated too."""

    hidden: tuple[Units, ...] = ()
    activation: Activation = "relu"
    norm: Norm = "none"
    dropout: Share = 0.0

    def _parameters(self, width: int) -> int:
        normed = 2 * sum(self.hidden) if self.norm != "none" else 0
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise((width, *self.hidden))) + normed

    def _operations(self, width: int) -> int:
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise((width, *self.hidden)))


class Expert(Layers):
    """(B, D) -> (B, H): a sub-network that gates mix (Jacobs et al., 1991)."""

    block: Literal["expert"] = "expert"
    hidden: Annotated[tuple[Units, ...], Field(min_length=1)] = (16,)
    reads: ClassVar[tuple[str, ...]] = ("state",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return self.hidden[-1]

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return self._parameters(inputs[0])

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return self._operations(inputs[0])


class Gate(Value):
    """(B, D), E x (B, H) -> (B, H): experts mixed by weights that sum to one.

    softmax: of a linear map of the query, without bias or hidden layers as in MMoE (Ma et al., 2018), divided by the
    temperature. mean: the plain average; it reads no query.
    """

    block: Literal["gate"] = "gate"
    kind: Literal["softmax", "mean"] = "softmax"
    hidden: tuple[Units, ...] = ()
    bias: bool = False
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    reads: ClassVar[tuple[str, ...]] = ("query", "expert")

    @property
    def asks(self) -> bool:
        """The first input is a query."""
        return self.kind != "mean"

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the experts, which must agree."""
        experts = inputs[1:] if self.asks else inputs
        if len(set(experts)) != 1:
            raise ValueError(f"a gate mixes experts of one width, got {list(experts)}")
        return experts[0]

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        if not self.asks:
            return 0
        widths, experts = (inputs[0], *self.hidden), len(inputs) - 1
        inner = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(widths))
        return inner + widths[-1] * experts + self.bias * experts

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row, the mixing included."""
        experts = inputs[1:] if self.asks else inputs
        mixing = sum(experts)
        if not self.asks:
            return mixing
        widths = (inputs[0], *self.hidden)
        return mixing + sum(fan_in * fan_out for fan_in, fan_out in pairwise(widths)) + widths[-1] * len(experts)


class Transfer(Value):
    """(B, H), S x (B, H) -> (B, H): adaptive information transfer, AITM (Xi et al., 2021).

    Each source passes through a dense layer; its slot and the task's own are weighed by a softmax over
    <query, key> / sqrt(H), and the values are summed. score: ``self`` takes each slot's query with its own key, as
    published; ``cross`` takes the task's own query. With ``share`` all transfers of one width use one set of value,
    query and key maps.
    """

    block: Literal["transfer"] = "transfer"
    information: Literal["relu", "linear"] = "relu"
    bias: bool = False  # of the value, query and key maps
    share: bool = True
    score: Literal["self", "cross"] = "self"
    stop_gradient: bool = False
    reads: ClassVar[tuple[str, ...]] = ("own", "source")

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the inputs, which must agree."""
        if len(set(inputs)) != 1:
            raise ValueError(f"a transfer joins states of one width, got {list(inputs)}")
        return inputs[0]

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers that no other node uses: a dense layer a source, and the maps unless they are shared."""
        return (len(inputs) - 1) * (inputs[0] ** 2 + inputs[0]) + (0 if self.share else self.maps(inputs))

    def shared_parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers that all nodes of this block and width use together."""
        return self.maps(inputs) if self.share else 0

    def maps(self, inputs: Widths[int]) -> int:
        """Numbers in one set of value, query and key maps."""
        return 3 * (inputs[0] ** 2 + self.bias * inputs[0])

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        width, slots = inputs[0], len(inputs)
        return (slots - 1) * width**2 + slots * 3 * width**2 + 2 * slots * width


class Tower(Layers):
    """(B, D) -> (B, outputs): hidden layers of one task and the linear map to its head's natural parameters."""

    block: Literal["tower"] = "tower"
    outputs: Units = 1
    reads: ClassVar[tuple[str, ...]] = ("state",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return self.outputs

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        last = (inputs[0], *self.hidden)[-1]
        return self._parameters(inputs[0]) + last * self.outputs + self.outputs

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return self._operations(inputs[0]) + (inputs[0], *self.hidden)[-1] * self.outputs


class Product(Value):
    """K x (B, 1) logits -> (B, 1): the logit of the product of the probabilities, ESMM (Ma et al., 2018)."""

    block: Literal["product"] = "product"
    reads: ClassVar[tuple[str, ...]] = ("factor",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        if set(inputs) != {1}:
            raise ValueError(f"a product multiplies single probabilities, got widths {list(inputs)}")
        return 1

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return 0

    def operations(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return len(inputs)


Block = Annotated[
    Embedding | Sequence | Concat | Expert | Gate | Transfer | Tower | Product, Field(discriminator="block")
]
BLOCKS: dict[str, type[Value]] = {
    "embedding": Embedding,
    "sequence": Sequence,
    "concat": Concat,
    "expert": Expert,
    "gate": Gate,
    "transfer": Transfer,
    "tower": Tower,
    "product": Product,
}
