"""What joins several states into one: gates, stitches, routes, sums, and what stops gradients on the way."""

from collections.abc import Sequence as Widths
from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mtl_nas.blocks.options import Units
from mtl_nas.values import Value


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

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return 0


class Sum(Value):
    """K x (B, H) -> (B, H)."""

    block: Literal["sum"] = "sum"
    reads: ClassVar[tuple[str, ...]] = ("term",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the terms, which must agree."""
        return _one_width("a sum adds states", inputs)

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return 0

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return sum(inputs)


class Stop(Value):
    """(B, H) -> (B, H): the same state, through which no gradient passes."""

    block: Literal["stop"] = "stop"
    reads: ClassVar[tuple[str, ...]] = ("state",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output."""
        return inputs[0]

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return 0

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return 0


class Gate(Value):
    """(B, D), E x (B, H) -> (B, H): experts mixed by weights.

    softmax: of a linear map of the query, without bias or hidden layers as in MMoE (Ma et al., 2018), divided by the
    temperature. top_k: the same over the ``top`` largest scores and what ties with them (Shazeer et al., 2017).
    sigmoid: a weight between 0 and 1 each, which need not sum to one. Without a query: static, the softmax of learned
    numbers; linear, learned numbers themselves (AdaTT, Li et al., 2023); mean, the plain average.

    mixes: what is averaged. ``state``: the experts as they are. With predictions as experts: ``probability``, their
    sigmoids, ``classes``, their softmaxes, ``rate``, their exponentials; the result is as the predictions are, a logit,
    log-probabilities, a log-rate (MetaHeac, Zhu et al., 2021).
    """

    block: Literal["gate"] = "gate"
    kind: Literal["softmax", "top_k", "sigmoid", "static", "linear", "mean"] = "softmax"
    top: Annotated[int, Field(ge=1)] = 2  # of top_k
    hidden: tuple[Units, ...] = ()
    bias: bool = False
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    mixes: Literal["state", "probability", "classes", "rate"] = "state"
    reads: ClassVar[tuple[str, ...]] = ("query", "expert")

    @property
    def asks(self) -> bool:
        """The first input is a query."""
        return self.kind in ("softmax", "top_k", "sigmoid")

    def experts(self, inputs: Widths[int]) -> Widths[int]:
        """Widths of what is mixed."""
        return inputs[1:] if self.asks else inputs

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the experts, which must agree."""
        return _one_width("a gate mixes experts", self.experts(inputs))

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        count = len(self.experts(inputs))
        if not self.asks:
            return 0 if self.kind == "mean" else count
        widths = (inputs[0], *self.hidden)
        inner = sum(fan_in * fan_out + fan_out for fan_in, fan_out in pairwise(widths))
        return inner + widths[-1] * count + self.bias * count

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row, the mixing included."""
        experts = self.experts(inputs)
        if not self.asks:
            return sum(experts)
        widths = (inputs[0], *self.hidden)
        asking = sum(fan_in * fan_out for fan_in, fan_out in pairwise(widths)) + widths[-1] * len(experts)
        return sum(experts) + asking


class Stitch(Value):
    """(B, H), S x (B, H) -> (B, H): a learned sum of a task's own state and the others', cross-stitch (Misra, 2016).

    Starts at .9 for the own state and .1 shared by the others; one number a state, or one a unit.
    """

    block: Literal["stitch"] = "stitch"
    channelwise: bool = False
    reads: ClassVar[tuple[str, ...]] = ("own", "other")

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the inputs, which must agree."""
        return _one_width("a stitch joins states", inputs)

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return sum(inputs) if self.channelwise else len(inputs)

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return sum(inputs)


class Route(Value):
    """S x (B, H) -> (B, H): ``sum_s z_s W_s u_s``, sub-network routing (Ma et al., 2019); without W: SNR-Aver.

    Each z is hard-concrete: ``clip(s(zeta - gamma) + gamma, 0, 1)``, in training with ``s = sigmoid((log u - log(1 - u)
    + log_alpha) / beta)`` and u drawn uniformly at every step, otherwise with ``s = sigmoid(log_alpha)``.
    penalty: what the expected number of open connections costs.
    """

    block: Literal["route"] = "route"
    transform: bool = True
    beta: Annotated[float, Field(gt=0.0)] = 0.9
    gamma: Annotated[float, Field(lt=0.0)] = -0.1
    zeta: Annotated[float, Field(gt=1.0)] = 1.1
    penalty: Annotated[float, Field(ge=0.0)] = 0.0
    reads: ClassVar[tuple[str, ...]] = ("source",)

    def units(self, inputs: Widths[int]) -> int:
        """Width of the output: that of the sources, which must agree."""
        return _one_width("a route joins states", inputs)

    def parameters(self, inputs: Widths[int]) -> int:
        """Trained numbers."""
        return len(inputs) + (sum(width**2 for width in inputs) if self.transform else 0)

    def macs(self, inputs: Widths[int]) -> int:
        """Multiply-adds a row."""
        return sum(inputs) + (sum(width**2 for width in inputs) if self.transform else 0)


def _one_width(rule: str, widths: Widths[int]) -> int:
    if len(set(widths)) != 1:
        raise ValueError(f"{rule} of one width, got {list(widths)}")
    return widths[0]
