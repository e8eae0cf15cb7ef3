"""Links between tasks, on states and on probabilities, and thresholds between a tower and its head."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.block import Block, Colour, one_width
from mtl_nas.blocks.options import Share, Units


class Transfer(Block):
    """(B, H), S x (B, H) -> (B, H): adaptive information transfer, AITM (Xi et al., 2021).

    Each of the S sources passes through a dense layer. The task's own state and the sources' become values, queries and
    keys; the output is the sum of the values, weighted by a softmax of <query, key> / sqrt(H).
    """

    block: Literal["transfer"] = "transfer"
    information: Literal["relu", "linear"] = Field("relu", description="the layer that each source passes through")
    bias: bool = Field(False, description="biases of the value, query and key maps")
    share: bool = Field(True, description="one set of these maps for all links of one width")
    score: Literal["self", "cross"] = Field("self", description="each key meets its own query, or that of the task")
    stop_gradient: bool = Field(False, description="the later task does not train the earlier one")
    dropout: Share = Field(0.0, description="share of dropped units of what a source passes")
    reads: ClassVar[tuple[str, ...]] = ("own", "source")
    variadic: ClassVar[bool] = True
    colour: ClassVar[Colour] = Colour.LINK

    def units(self, widths: Sequence[int]) -> int:
        return one_width("a transfer joins states", widths)

    def parameters(self, widths: Sequence[int]) -> int:
        return (len(widths) - 1) * (widths[0] ** 2 + widths[0]) + (0 if self.share else self._maps(widths))

    def shared_parameters(self, widths: Sequence[int]) -> int:
        return self._maps(widths) if self.share else 0

    def _maps(self, widths: Sequence[int]) -> int:
        return 3 * (widths[0] ** 2 + self.bias * widths[0])

    def macs(self, widths: Sequence[int]) -> int:
        width, slots = widths[0], len(widths)
        return (slots - 1) * width**2 + slots * 3 * width**2 + 2 * slots * width

    def stops_gradient(self, index: int) -> bool:
        return self.stop_gradient and index > 0

    def label(self, widths: Sequence[int]) -> str:
        return f"transfer from {len(widths) - 1}, {self.score} score"


class Product(Block):
    """K x (B, 1) logits -> (B, 1): the logit of the product of the probabilities, ESMM (Ma et al., 2018)."""

    block: Literal["product"] = "product"
    reads: ClassVar[tuple[str, ...]] = ("factor",)
    variadic: ClassVar[bool] = True
    colour: ClassVar[Colour] = Colour.LINK
    reads_predictions: ClassVar[bool] = True
    predicts_events: ClassVar[bool] = True

    def units(self, widths: Sequence[int]) -> int:
        if set(widths) != {1}:
            raise ValueError(f"a product multiplies single probabilities, got widths {list(widths)}")
        return 1

    def macs(self, widths: Sequence[int]) -> int:
        return len(widths)

    def label(self, widths: Sequence[int]) -> str:
        return f"product of {len(widths)}"


class Thresholds(Block):
    """(B, 1) -> (B, K - 1): the logits of P(y > k), a score less learned thresholds that rise with k.

    The cumulative-link model with proportional odds (McCullagh, 1980).
    """

    block: Literal["thresholds"] = "thresholds"
    outputs: Units
    reads: ClassVar[tuple[str, ...]] = ("score",)
    colour: ClassVar[Colour] = Colour.PREDICTION
    reads_predictions: ClassVar[bool] = True

    def units(self, widths: Sequence[int]) -> int:
        if list(widths) != [1]:
            raise ValueError(f"thresholds split one score, got widths {list(widths)}")
        return self.outputs

    def parameters(self, widths: Sequence[int]) -> int:
        return self.outputs

    def macs(self, widths: Sequence[int]) -> int:
        return self.outputs

    def label(self, widths: Sequence[int]) -> str:
        return f"{self.outputs} thresholds"
