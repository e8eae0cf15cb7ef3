"""Sub-networks: experts, which gates mix, and towers, which end in a task's natural parameters."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.block import Block, Colour
from mtl_nas.blocks.options import Activation, Norm, Share, Units
from mtl_nas.values import Value


class Layers(Value):
    """Hidden layers: Linear -> norm -> activation -> dropout, the last layer activated too."""

    hidden: tuple[Units, ...] = Field((), description="width of each hidden layer")
    activation: Activation = Field("relu", description="activation after every hidden layer")
    norm: Norm = Field("none", description="normalisation before the activation")
    dropout: Share = Field(0.0, description="share of units dropped after the activation")
    residual: bool = Field(False, description="adds the input of a layer to its output, where the widths agree")

    def _parameters(self, width: int) -> int:
        norms = 2 * sum(self.hidden) if self.norm != "none" else 0
        return sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise((width, *self.hidden))) + norms

    def _macs(self, width: int) -> int:
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise((width, *self.hidden)))

    @property
    def _options_label(self) -> str:
        parts: list[str] = [] if self.activation == "relu" else [self.activation]
        parts += [] if self.norm == "none" else [f"{self.norm} norm"]
        parts += [f"dropout {self.dropout:g}"] if self.dropout else []
        parts += ["residual"] if self.residual else []
        return "".join(f", {part}" for part in parts)


class LayersBlock(Block, Layers):
    """A block with hidden layers that reads one state."""

    reads: ClassVar[tuple[str, ...]] = ("state",)


class Expert(LayersBlock):
    """(B, D) -> (B, H): a sub-network that gates mix (Jacobs et al., 1991); without any layer, the identity.

    feature_gate: the rank of a gate on the inputs, ``v * 2 sigmoid(v B A)``, 1 at the start (HoME, Wang et al., 2024).
    cross: layers ``x0 * (W x + b) + x`` (DCN-v2, Wang et al., 2021) before the hidden ones.
    """

    block: Literal["expert"] = "expert"
    hidden: tuple[Units, ...] = Field((16,), description="width of each hidden layer; none: the identity")
    cross: int = Field(0, ge=0, le=8, description="layers of DCN-v2 before the hidden ones")
    feature_gate: int = Field(0, ge=0, le=1024, description="rank of a gate on the inputs (HoME); 0 is none")
    colour: ClassVar[Colour] = Colour.EXPERT
    drawn_together: ClassVar[bool] = True

    @property
    def computes(self) -> bool:
        """Whether the expert is more than the identity."""
        return bool(self.hidden or self.cross or self.feature_gate)

    def units(self, widths: Sequence[int]) -> int:
        return (widths[0], *self.hidden)[-1]

    def parameters(self, widths: Sequence[int]) -> int:
        width = widths[0]
        return self._parameters(width) + self.cross * (width**2 + width) + 2 * width * self.feature_gate

    def macs(self, widths: Sequence[int]) -> int:
        width = widths[0]
        feature_gate = 2 * width * self.feature_gate + width if self.feature_gate else 0
        return self._macs(width) + self.cross * (width**2 + width) + feature_gate

    def label(self, widths: Sequence[int]) -> str:
        parts = ["-".join(map(str, self.hidden))] if self.hidden else []
        parts += [f"{self.cross} cross"] if self.cross else []
        parts += [f"feature gate {self.feature_gate}"] if self.feature_gate else []
        return f"expert {', '.join(parts) or 'identity'}{self._options_label}"


class Tower(LayersBlock):
    """(B, D) -> (B, outputs): hidden layers of one task and the linear map to its head's natural parameters."""

    block: Literal["tower"] = "tower"
    outputs: Units = 1
    colour: ClassVar[Colour] = Colour.PREDICTION

    @property
    def predicts(self) -> bool:
        return True

    def units(self, widths: Sequence[int]) -> int:
        return self.outputs

    def parameters(self, widths: Sequence[int]) -> int:
        last = (widths[0], *self.hidden)[-1]
        return self._parameters(widths[0]) + last * self.outputs + self.outputs

    def macs(self, widths: Sequence[int]) -> int:
        return self._macs(widths[0]) + (widths[0], *self.hidden)[-1] * self.outputs

    def label(self, widths: Sequence[int]) -> str:
        return f"tower {'-'.join(map(str, (*self.hidden, self.outputs)))}{self._options_label}"
