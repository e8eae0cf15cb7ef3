"""The block that turns a behaviour sequence into a state."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.block import Block, Colour
from mtl_nas.blocks.options import HistoryAttention, HistoryKind, Units
from mtl_nas.data import Schema


class History(Block):
    """(B, columns, length) ids, (B, C) -> (B, H): a history of items and their properties; DUPN (Ni et al., 2018).

    kind: ``mean``, of the embeddings at the filled positions, per column; ``gru`` or ``lstm`` over the concatenated
    embeddings of items and properties; ``property_gated_lstm``, in which properties enter the gates only and the cell's
    candidate reads the items alone. Recurrent kinds skip padding and give the state at the last filled position.
    attention: the weighted sum over all positions instead. A network weighs each from its state and, with ``context``,
    the features of the row: a ``softmax`` over the filled positions, or a ``sigmoid`` per position. An empty history
    gives zeros.
    """

    block: Literal["sequence"] = "sequence"
    name: str
    sizes: tuple[int, ...]
    properties: Annotated[int, Field(ge=0)] = 0  # number of columns, the last ones, that are properties
    length: int
    width: Units = 8
    kind: HistoryKind = "mean"
    hidden: Units = 32  # units of the recurrent kinds
    attention: HistoryAttention = "none"
    attention_hidden: tuple[Units, ...] = (64,)
    context: bool = False
    colour: ClassVar[Colour] = Colour.INPUT
    origin: ClassVar[str] = "a history"

    @property
    def roles(self) -> tuple[str, ...]:
        return ("context",) if self.has_context else ()

    @property
    def has_context(self) -> bool:
        """Whether the features of the row are an input."""
        return self.context and self.attention != "none"

    @property
    def table_rows(self) -> int:
        return sum(self.sizes)

    @property
    def stackable(self) -> bool:
        return self.kind == "mean"

    @property
    def gates(self) -> int:
        """Linear maps of a recurrent cell, the candidate's included."""
        return {"mean": 0, "gru": 3}.get(self.kind, 4)

    def units(self, widths: Sequence[int]) -> int:
        return len(self.sizes) * self.width if self.kind == "mean" else self.hidden

    def parameters(self, widths: Sequence[int]) -> int:
        biases = (2 if self.kind == "gru" else 1) * self.gates * self.hidden
        return self.table_rows * self.width + self._maps() + biases + self._scorer(widths, biases=True)

    def macs(self, widths: Sequence[int]) -> int:
        attention, pooling = 0, 0
        if self.attention != "none":
            attention = self.length * (self._scorer(widths, biases=False) + self.units(widths))
        elif self.kind == "mean":
            pooling = len(self.sizes) * self.length * self.width
        return self.length * self._maps() + attention + pooling

    def _maps(self) -> int:
        fan_in = len(self.sizes) * self.width + self.hidden
        unread = self.properties * self.width * self.hidden if self.kind == "property_gated_lstm" else 0
        return self.gates * self.hidden * fan_in - unread

    def _scorer(self, widths: Sequence[int], *, biases: bool) -> int:
        if self.attention == "none":
            return 0
        layers = (self.units(widths) + sum(widths), *self.attention_hidden, 1)
        last = self.attention == "sigmoid"  # a softmax is the same for any bias
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise(layers)) + biases * (sum(layers[1:-1]) + last)

    def label(self, widths: Sequence[int]) -> str:
        kind = {"property_gated_lstm": "property-gated lstm"}.get(self.kind, self.kind)
        attention = "" if self.attention == "none" else f", {self.attention} attention"
        return f"{kind} of a sequence{attention}, {self.units(widths)} wide"

    def mismatch(self, schema: Schema) -> str:
        sequence = {sequence.name: sequence for sequence in schema.sequences}.get(self.name)
        if sequence is None:
            return f"reads the sequence '{self.name}', which the data does not have"
        same_shape = (self.sizes, self.length) == (sequence.sizes, sequence.length)
        if not same_shape or self.properties not in (0, sequence.properties):
            return f"was made for another vocabulary or length of '{self.name}'"
        return ""
