"""Sub-networks: experts, which gates mix, and towers, which end in a task's natural parameters."""

from collections.abc import Sequence as Widths
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.options import Activation, Norm, Share, Units
from mtl_nas.values import Value


class Layers(Value):
    """Hidden layers: Linear -> norm -> activation -> dropout, the last one activated too."""

    hidden: tuple[Units, ...] = Field((), description="width of each hidden layer")
    activation: Activation = Field("relu", description="activation after every hidden layer")
    norm: Norm = Field("none", description="normalisation before the activation")
    dropout: Share = Field(0.0, description="share of units dropped after the activation")
    residual: bool = Field(False, description="adds the input of a layer to its output, where the widths agree")

    def _parameters(self, width: int) -> int:
        normed = 2 * sum(self.hidden) if self.norm != "none" else 0
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise((width, *self.hidden))) + normed

    def _macs(self, width: int) -> int:
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise((width, *self.hidden)))


class Expert(Layers):
    """(B, D) -> (B, H): a sub-network that gates mix (Jacobs et al., 1991); without any layer, the identity.

    feature_gate: the rank of a gate on the inputs, ``v * 2 sigmoid(v B A)``, 1 at the start (HoME, Wang et al., 2024).
    cross: layers ``x0 * (W x + b) + x`` (DCN-v2, Wang et al., 2021) before the hidden ones.
    """

    block: Literal["expert"] = "expert"
    hidden: tuple[Units, ...] = Field((16,), description="width of each hidden layer; none: the identity")
    cross: int = Field(0, ge=0, le=8, description="layers of DCN-v2 before the hidden ones")
    feature_gate: int = Field(0, ge=0, le=1024, description="rank of a gate on the inputs (HoME); 0 is none")
    reads: ClassVar[tuple[str, ...]] = ("state",)

    @property
    def computes(self) -> bool:
        """It is not the identity."""
        return bool(self.hidden or self.cross or self.feature_gate)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return (inputs[0], *self.hidden)[-1]

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        width = inputs[0]
        return self._parameters(width) + self.cross * (width**2 + width) + 2 * width * self.feature_gate

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        width = inputs[0]
        crossed = self.cross * (width**2 + width)
        gated = 2 * width * self.feature_gate + width if self.feature_gate else 0
        return self._macs(width) + crossed + gated


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

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return self._macs(inputs[0]) + (inputs[0], *self.hidden)[-1] * self.outputs
