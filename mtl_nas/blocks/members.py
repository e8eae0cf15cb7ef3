"""Blocks of k networks in one, TabM (Gorishniy et al., 2025): the members share matrices and have factors of their own.

The rows of the members follow one another: those of the first member, then those of the second. Blocks that do not
know of members, such as gates, compute k * B rows as they compute B.
"""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.block import Block
from mtl_nas.blocks.experts import Expert, LayersBlock, Tower
from mtl_nas.blocks.options import Units

Count = Annotated[int, Field(ge=2)]


class MemberInput(Block):
    """(B, D) -> (k * B, D): the state once per member, times the member's factors.

    Members differ by these factors before the first matrix that they share. ``columns`` are runs of equally wide
    columns in the state, as pairs (width, number of columns): all numbers of a column start at one factor.
    """

    block: Literal["member_input"] = "member_input"
    members: Count
    columns: tuple[tuple[Units, Units], ...]
    reads: ClassVar[tuple[str, ...]] = ("state",)

    def units(self, widths: Sequence[int]) -> int:
        described = sum(width * number for width, number in self.columns)
        if described != widths[0]:
            raise ValueError(f"the columns of a member input are as wide as its state, got {described} and {widths[0]}")
        return described

    def copies(self, copies: Sequence[int]) -> int:
        if copies[0] != 1:
            raise ValueError(f"a member input reads a state that members share, got one of {copies[0]} members")
        return self.members

    def parameters(self, widths: Sequence[int]) -> int:
        return self.members * widths[0]

    def macs(self, widths: Sequence[int]) -> int:
        return widths[0]

    def label(self, widths: Sequence[int]) -> str:
        return f"{self.members} members"


class MemberLayers(LayersBlock):
    """Hidden layers of k members: ``s * (W (r * x)) + b`` with a matrix for all members, and r, s, b per member.

    adapters: ``all`` of r, s and b; ``inner``, all but r of the first layer, whose input a member input has multiplied
    already; ``none``, so that members share their hidden layers (TabM-mini).
    """

    members: Count
    adapters: Literal["none", "inner", "all"] = "all"

    def copies(self, copies: Sequence[int]) -> int:
        if copies[0] != self.members:
            raise ValueError(f"layers of {self.members} members read a state of as many, got one of {copies[0]}")
        return self.members

    def scales_input(self, layer: int) -> bool:
        """Whether members have factors on the input of a hidden layer, counted from 0."""
        return self.adapters == "all" or (self.adapters == "inner" and layer > 0)

    def _factors(self, width: int) -> int:
        """The number of factors of one member."""
        if self.adapters == "none":
            return 0
        inputs = (width, *self.hidden)[: len(self.hidden)]
        return sum(self.hidden) + sum(units for layer, units in enumerate(inputs) if self.scales_input(layer))

    def _parameters(self, width: int) -> int:
        biases = (self.members - 1) * sum(self.hidden) if self.adapters != "none" else 0
        return super()._parameters(width) + biases + self.members * self._factors(width)

    def _macs(self, width: int) -> int:
        return super()._macs(width) + self._factors(width)

    @property
    def _options_label(self) -> str:
        return f"{super()._options_label}, {self.members} members"


class MemberExpert(MemberLayers, Expert):
    """(k * B, D) -> (k * B, H): an expert whose hidden layers have factors and biases per member."""

    block: Literal["member_expert"] = "member_expert"  # type: ignore[assignment]


class MemberTower(MemberLayers, Tower):
    """(k * B, D) -> (k * B, outputs): a tower whose last linear map is separate per member."""

    block: Literal["member_tower"] = "member_tower"  # type: ignore[assignment]

    def parameters(self, widths: Sequence[int]) -> int:
        last = (widths[0], *self.hidden)[-1]
        return self._parameters(widths[0]) + self.members * (last * self.outputs + self.outputs)
