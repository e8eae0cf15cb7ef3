"""Blocks that join several states: gates, stitches, routes, sums; and the block that stops gradients."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.block import Block, Colour, one_width
from mtl_nas.blocks.options import Units


class Concat(Block):
    """(B, D1), (B, D2), ... -> (B, D1 + D2 + ...)."""

    block: Literal["concat"] = "concat"
    reads: ClassVar[tuple[str, ...]] = ("part",)
    variadic: ClassVar[bool] = True

    def units(self, widths: Sequence[int]) -> int:
        return sum(widths)

    def label(self, widths: Sequence[int]) -> str:
        return f"side by side, {self.units(widths)} wide"


class Sum(Block):
    """K x (B, H) -> (B, H)."""

    block: Literal["sum"] = "sum"
    reads: ClassVar[tuple[str, ...]] = ("term",)
    variadic: ClassVar[bool] = True

    def units(self, widths: Sequence[int]) -> int:
        return one_width("a sum adds states", widths)

    def macs(self, widths: Sequence[int]) -> int:
        return sum(widths)

    def label(self, widths: Sequence[int]) -> str:
        return f"sum of {len(widths)}"


class Stop(Block):
    """(B, H) -> (B, H): the same state, through which no gradient passes."""

    block: Literal["stop"] = "stop"
    reads: ClassVar[tuple[str, ...]] = ("state",)
    is_identity: ClassVar[bool] = True

    def units(self, widths: Sequence[int]) -> int:
        return widths[0]

    def stops_gradient(self, index: int) -> bool:
        return True

    def label(self, widths: Sequence[int]) -> str:
        return "no gradient"


class Gate(Block):
    """(B, D), E x (B, H) -> (B, H): the weighted sum of E experts, with weights from a query or learned ones.

    kind, with a query: ``softmax`` of a linear map of the query divided by the temperature, by default without bias or
    hidden layers as in MMoE (Ma et al., 2018); ``top_k``, the same over the ``top`` largest scores and their ties
    (Shazeer et al., 2017); ``sigmoid``, weights between 0 and 1 that need not sum to one. kind, without a query:
    ``static``, the softmax of learned numbers; ``linear``, learned numbers (AdaTT, Li et al., 2023); ``mean``.

    mixes: ``state``, hidden states; or experts that are predictions (MetaHeac, Zhu et al., 2021), whose sigmoids
    (``probability``), softmaxes (``classes``) or exponentials (``rate``) are averaged; the output is then a logit,
    log-probabilities or a log-rate like theirs.
    """

    block: Literal["gate"] = "gate"
    kind: Literal["softmax", "top_k", "sigmoid", "static", "linear", "mean"] = "softmax"
    top: Annotated[int, Field(ge=1)] = 2  # number of experts with a weight under top_k
    hidden: tuple[Units, ...] = ()
    bias: bool = False
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    mixes: Literal["state", "probability", "classes", "rate"] = "state"
    variadic: ClassVar[bool] = True
    colour: ClassVar[Colour] = Colour.MIXING

    @property
    def roles(self) -> tuple[str, ...]:
        return ("query", "expert") if self.has_query else ("expert",)

    @property
    def has_query(self) -> bool:
        """Whether the first input is a query, from which the weights are computed."""
        return self.kind in ("softmax", "top_k", "sigmoid")

    @property
    def predicts(self) -> bool:
        return self.mixes != "state"

    def units(self, widths: Sequence[int]) -> int:
        return one_width("a gate mixes experts", self._experts(widths))

    def parameters(self, widths: Sequence[int]) -> int:
        count = len(self._experts(widths))
        if not self.has_query:
            return 0 if self.kind == "mean" else count
        layers = (widths[0], *self.hidden)
        inner = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(layers))
        return inner + layers[-1] * count + self.bias * count

    def macs(self, widths: Sequence[int]) -> int:
        experts = self._experts(widths)
        if not self.has_query:
            return sum(experts)
        layers = (widths[0], *self.hidden, len(experts))
        return sum(experts) + sum(fan_in * fan_out for fan_in, fan_out in pairwise(layers))

    def _experts(self, widths: Sequence[int]) -> Sequence[int]:
        return widths[1:] if self.has_query else widths

    def label(self, widths: Sequence[int]) -> str:
        kind = f"top {self.top}" if self.kind == "top_k" else self.kind
        mixes = {"state": "", "probability": " probabilities", "classes": " classes", "rate": " rates"}[self.mixes]
        hidden = f", hidden {'-'.join(map(str, self.hidden))}" if self.hidden else ""
        return f"{kind} over {len(self._experts(widths))}{mixes}{hidden}"


class Stitch(Block):
    """(B, H), S x (B, H) -> (B, H): the learned sum of a task's own state and S others (Misra et al., 2016).

    One weight per state, or with ``channelwise`` per unit; it starts at 0.9 for the own state and 0.1 / S for another.
    """

    block: Literal["stitch"] = "stitch"
    channelwise: bool = False
    reads: ClassVar[tuple[str, ...]] = ("own", "other")
    variadic: ClassVar[bool] = True
    colour: ClassVar[Colour] = Colour.MIXING

    def units(self, widths: Sequence[int]) -> int:
        return one_width("a stitch joins states", widths)

    def parameters(self, widths: Sequence[int]) -> int:
        return sum(widths) if self.channelwise else len(widths)

    def macs(self, widths: Sequence[int]) -> int:
        return sum(widths)

    def label(self, widths: Sequence[int]) -> str:
        return f"stitch of {len(widths)}"


class Route(Block):
    """S x (B, H) -> (B, H): ``sum_s z_s W_s u_s`` of states ``u``, sub-network routing (SNR, Ma et al., 2019).

    Each ``z`` is hard-concrete, ``clip(s (zeta - gamma) + gamma, 0, 1)``: in training ``s = sigmoid((log v - log(1 - v)
    + log_alpha) / beta)`` with ``v`` uniform in (0, 1), drawn anew at every step, otherwise ``s = sigmoid(log_alpha)``.
    Without ``transform``, ``W`` is the identity (SNR-Aver). penalty: added to the loss per expected open connection.
    """

    block: Literal["route"] = "route"
    transform: bool = True
    beta: Annotated[float, Field(gt=0.0)] = 0.9
    gamma: Annotated[float, Field(lt=0.0)] = -0.1
    zeta: Annotated[float, Field(gt=1.0)] = 1.1
    penalty: Annotated[float, Field(ge=0.0)] = 0.0
    reads: ClassVar[tuple[str, ...]] = ("source",)
    variadic: ClassVar[bool] = True
    colour: ClassVar[Colour] = Colour.MIXING

    @property
    def stackable(self) -> bool:
        return not self.penalty

    def units(self, widths: Sequence[int]) -> int:
        return one_width("a route joins states", widths)

    def parameters(self, widths: Sequence[int]) -> int:
        return len(widths) + (sum(width**2 for width in widths) if self.transform else 0)

    def macs(self, widths: Sequence[int]) -> int:
        return sum(widths) + (sum(width**2 for width in widths) if self.transform else 0)

    def label(self, widths: Sequence[int]) -> str:
        return f"routes from {len(widths)}" + (", transformed" if self.transform else "")
