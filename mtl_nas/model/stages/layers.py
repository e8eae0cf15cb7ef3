"""Linear maps and hidden layers of N members at once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mtl_nas.blocks import LayersBlock
from mtl_nas.model.activations import Activations
from mtl_nas.model.grouping import Stage
from mtl_nas.model.stages.stage_module import StageModule

NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "silu": F.silu,
    "tanh": torch.tanh,
    "identity": lambda state: state,
}
EPSILON = 1e-5  # added to variances, as torch's norms do
MOMENTUM = 0.1  # weight of a batch in the running statistics of batch norm, as in torch

L = TypeVar("L", bound=LayersBlock)


def add_linear(
    module: nn.Module, layer: int, members: int, fan_in: int, fan_out: int, *, bias: bool = True, prefix: str = ""
) -> None:
    """Register ``weight<layer>`` (N, out, in) and ``bias<layer>`` (N, out)."""
    weight = nn.Parameter(torch.empty(members, fan_out, fan_in))
    module.register_parameter(f"{prefix}weight{layer}", weight)
    module.register_parameter(f"{prefix}bias{layer}", nn.Parameter(torch.empty(members, fan_out)) if bias else None)


def first_linear(activations: Activations, stage: Stage, index: int, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(B, D), an input of each member -> (N, B, H), by one matrix product for members that read one node."""
    runs = stage.runs(index)
    if len(runs) == len(stage.nodes) > 1:
        return linear(activations.stack(stage.column(index)), weight, bias)
    counts = [members for _, members in runs]
    weights = _split(weight, counts)  # not slices: the backward pass of a slice allocates a full-size gradient
    biases = [None] * len(runs) if bias is None else _split(bias, counts)
    outputs = []
    for (name, members), own, own_bias in zip(runs, weights, biases, strict=True):
        flat = None if own_bias is None else own_bias.flatten()
        output = F.linear(activations.node(name), own.flatten(0, 1), flat)  # (B, members * H)
        # -1, not len(output), which would fix the batch size in an exported graph
        outputs.append(output.view(-1, members, weight.shape[1]).transpose(0, 1))
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def _split(weight: Tensor, counts: Sequence[int]) -> Sequence[Tensor]:
    return (weight,) if len(counts) == 1 else torch.split(weight, list(counts))


def spread(weight: Tensor, stage: Stage) -> Tensor:
    """(sets, ...) -> (N, ...): the weights that each member uses."""
    if not stage.tied:
        return weight
    if len(stage.sets) == 1:
        return weight.expand(len(stage.nodes), *weight.shape[1:])
    return torch.stack([weight[index] for index in stage.uses])


def linear(state: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """(N, B, D), (N, H, D) -> (N, B, H)."""
    if bias is None:
        return torch.bmm(state, weight.transpose(1, 2))
    return torch.baddbmm(bias.unsqueeze(1), state, weight.transpose(1, 2))


class HiddenLayers(StageModule[L]):
    """Linear -> norm -> activation -> dropout, for each hidden width; (B, D) read -> (N, B, H)."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        block, members, fan_in = self.block, len(stage.sets), stage.widths[0]
        for index, units in enumerate(block.hidden):
            add_linear(self, index, members, fan_in, units)
            if block.norm != "none":
                self.register_parameter(f"scale{index}", nn.Parameter(torch.ones(members, units)))
                self.register_parameter(f"shift{index}", nn.Parameter(torch.zeros(members, units)))
            if block.norm == "batch":
                self.register_buffer(f"running_mean{index}", torch.zeros(members, units))
                self.register_buffer(f"running_var{index}", torch.ones(members, units))
            fan_in = units

    def hidden(self, activations: Activations, state: Tensor | None = None) -> Tensor:
        """The last hidden layer's output, from the members' inputs or from (N, B, D) that replaces them."""
        for index in range(len(self.block.hidden)):
            before = state
            mapped = self._mapped(activations, before, index)
            state = NONLINEARITIES[self.block.activation](self._normed(mapped, index))
            if self.block.dropout and self.training:
                state = F.dropout(state, self.block.dropout)
            fan_in = (self.stage.widths[0], *self.block.hidden)[index]
            if self.block.residual and fan_in == self.block.hidden[index]:
                state = state + (self.inputs(activations) if before is None else before)
        return self.inputs(activations) if state is None else state

    def _mapped(self, activations: Activations, state: Tensor | None, index: int) -> Tensor:
        """The linear map of a hidden layer, of a state (N, B, D) or, without one, of the members' inputs."""
        weight, bias = self._linear(index)
        if state is not None:
            return linear(state, weight, bias)
        return first_linear(activations, self.stage, 0, weight, bias)

    def _linear(self, index: int) -> tuple[Tensor, Tensor]:
        weight, bias = getattr(self, f"weight{index}"), getattr(self, f"bias{index}")
        return spread(weight, self.stage), spread(bias, self.stage)

    def _normed(self, state: Tensor, index: int) -> Tensor:
        if self.block.norm == "none":
            return state
        if self.block.norm == "layer":
            state = F.layer_norm(state, state.shape[-1:], eps=EPSILON)
        else:
            mean, variance = self._statistics(state, index)
            normed = (state - mean.unsqueeze(1)) * torch.rsqrt(variance.unsqueeze(1) + EPSILON)
            state = normed.to(state.dtype)  # statistics stay in full precision
        scale, shift = (spread(getattr(self, f"{word}{index}"), self.stage) for word in ("scale", "shift"))
        return torch.addcmul(shift.unsqueeze(1), state, scale.unsqueeze(1))

    def _statistics(self, state: Tensor, index: int) -> tuple[Tensor, Tensor]:
        running_mean, running_var = getattr(self, f"running_mean{index}"), getattr(self, f"running_var{index}")
        if not self.training:
            return spread(running_mean, self.stage), spread(running_var, self.stage)
        variance, mean = torch.var_mean(state.to(running_mean.dtype), dim=1, correction=0)  # (N, H)
        with torch.no_grad():
            rows = state.shape[1]
            running_mean.mul_(1 - MOMENTUM).add_(self._by_set(mean), alpha=MOMENTUM)
            unbiased = variance * (rows / max(rows - 1, 1))
            running_var.mul_(1 - MOMENTUM).add_(self._by_set(unbiased), alpha=MOMENTUM)
        return mean, variance

    def _by_set(self, statistics: Tensor) -> Tensor:
        """(N, H) -> (sets, H): members that share weights share the mean of their statistics."""
        if not self.stage.tied:
            return statistics
        rows, uses = statistics.unbind(), self.stage.uses
        by_set = [[row for row, use in zip(rows, uses, strict=True) if use == i] for i in range(len(self.stage.sets))]
        return torch.stack([torch.stack(rows_of_set).mean(dim=0) for rows_of_set in by_set])
