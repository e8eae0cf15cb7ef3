"""Links between tasks, on states and on probabilities, and what stands between a tower and its head."""

from collections.abc import Sequence as Widths
from typing import ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.options import Share, Units
from mtl_nas.values import Value


class Transfer(Value):
    """(B, H), S x (B, H) -> (B, H): adaptive information transfer, AITM (Xi et al., 2021).

    Each source passes through a dense layer; its slot and the task's own are weighed by a softmax over
    <query, key> / sqrt(H), and the values are summed.
    """

    block: Literal["transfer"] = "transfer"
    information: Literal["relu", "linear"] = Field("relu", description="the layer that each source passes through")
    bias: bool = Field(False, description="biases of the value, query and key maps")
    share: bool = Field(True, description="one set of these maps for all links of one width")
    score: Literal["self", "cross"] = Field("self", description="each key meets its own query, or that of the task")
    stop_gradient: bool = Field(False, description="the later task does not train the earlier one")
    dropout: Share = Field(0.0, description="share of dropped units of what a source passes")
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

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        width, slots = inputs[0], len(inputs)
        return (slots - 1) * width**2 + slots * 3 * width**2 + 2 * slots * width


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

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return len(inputs)


class Thresholds(Value):
    """(B, 1) -> (B, K - 1): the logits of P(y > k), a score less learned thresholds that rise with k.

    The cumulative-link model with proportional odds (McCullagh, 1980).
    """

    block: Literal["thresholds"] = "thresholds"
    outputs: Units
    reads: ClassVar[tuple[str, ...]] = ("score",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        if list(inputs) != [1]:
            raise ValueError(f"thresholds split one score, got widths {list(inputs)}")
        return self.outputs

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return self.outputs

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return self.outputs
