"""Behaviour sequences become a state."""

from collections.abc import Sequence as Widths
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.options import SequenceAttention, SequenceKind, Units
from mtl_nas.values import Value


class Sequence(Value):
    """(B, columns, length) ids, (B, C) -> (B, H): a history of items and their properties; DUPN (Ni et al., 2018).

    mean: the mean of the filled positions, column by column. gru, lstm: items and properties side by side enter.
    property_gated_lstm: properties move the gates alone; what is written into the cell comes from the items. Recurrent
    kinds read no padding and give the last filled position's state. attention: all positions' states, weighed by a
    network of each state and, with ``context``, of the row's features: ``softmax`` over the filled positions, or a
    ``sigmoid`` each. An empty history gives zeros.
    """

    block: Literal["sequence"] = "sequence"
    name: str
    sizes: tuple[int, ...]
    properties: Annotated[int, Field(ge=0)] = 0  # how many of the columns, the last ones, are properties
    length: int
    width: Units = 8
    kind: SequenceKind = "mean"
    hidden: Units = 32  # of the recurrent kinds
    attention: SequenceAttention = "none"
    attention_hidden: tuple[Units, ...] = (64,)
    context: bool = False
    reads: ClassVar[tuple[str, ...]] = ("context",)

    @property
    def asks(self) -> bool:
        """The row's features are an input."""
        return self.context and self.attention != "none"

    @property
    def state(self) -> int:
        """Width of one position's state."""
        return len(self.sizes) * self.width if self.kind == "mean" else self.hidden

    @property
    def gates(self) -> int:
        """Maps of a recurrent cell, the candidate's included."""
        return {"mean": 0, "gru": 3}.get(self.kind, 4)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return self.state

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        biases = (2 if self.kind == "gru" else 1) * self.gates * self.hidden
        return sum(self.sizes) * self.width + self._maps() + biases + self._scorer(inputs, biases=True)

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        weighing = self.length * (self._scorer(inputs, biases=False) + self.state) if self.attention != "none" else 0
        pooling = len(self.sizes) * self.length * self.width if self.kind == "mean" and not weighing else 0
        return self.length * self._maps() + weighing + pooling

    def _maps(self) -> int:
        fan_in = len(self.sizes) * self.width + self.hidden
        unread = self.properties * self.width * self.hidden if self.kind == "property_gated_lstm" else 0
        return self.gates * self.hidden * fan_in - unread

    def _scorer(self, inputs: Widths[int], *, biases: bool) -> int:
        if self.attention == "none":
            return 0
        widths = (self.state + sum(inputs), *self.attention_hidden, 1)
        last = self.attention == "sigmoid"  # a softmax is the same for any bias
        return sum(one * two for one, two in pairwise(widths)) + biases * (sum(self.attention_hidden) + last)
