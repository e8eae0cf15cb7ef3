"""A learned scale of each feature, before the first layer."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from mtl_nas.blocks.block import Block, Colour


class Scaling(Block):
    """(B, D) -> (B, D): each feature times a learned number, 1 at the start (RealMLP, Holzmueller et al., 2024).

    These numbers have six times the learning rate of other weights.
    """

    block: Literal["scaling"] = "scaling"
    reads: ClassVar[tuple[str, ...]] = ("state",)
    colour: ClassVar[Colour] = Colour.INPUT

    def units(self, widths: Sequence[int]) -> int:
        return widths[0]

    def parameters(self, widths: Sequence[int]) -> int:
        return widths[0]

    def macs(self, widths: Sequence[int]) -> int:
        return widths[0]

    def label(self, widths: Sequence[int]) -> str:
        return "scaling"
