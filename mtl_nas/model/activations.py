"""Outputs of the stages that have run, read by node or stacked; a stage that is read as a whole is not copied."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtl_nas.model.grouping import Stage

InputTensors = Mapping[str, Tensor]  # ids, fractions, waves, scalars and ``sequence/<name>`` of a batch


class Activations:
    """The input tensors of one forward pass and the outputs of the nodes that it has computed."""

    def __init__(self, inputs: InputTensors) -> None:
        self.inputs = inputs
        self._stacks: list[tuple[tuple[str, ...], Tensor]] = []
        self._nodes: dict[str, Tensor] = {}
        self._stack_of: dict[str, int] = {}

    def add(self, stage: Stage, output: Tensor) -> None:
        """Keep a stage's output, (N, B, H)."""
        for name in stage.nodes:
            self._stack_of[name] = len(self._stacks)
        self._stacks.append((stage.nodes, output))

    def node(self, name: str) -> Tensor:
        """One node's output, (B, H)."""
        if name not in self._nodes:
            nodes, stack = self._stacks[self._stack_of[name]]
            # unbind, not indexing: the backward pass of an index allocates a gradient of the whole stack
            outputs = stack.unbind(0) if len(nodes) > 1 else (stack.squeeze(0),)
            self._nodes.update(zip(nodes, outputs, strict=True))
        return self._nodes[name]

    def stack(self, names: Sequence[str]) -> Tensor:
        """Outputs of several nodes, (N, B, H)."""
        nodes, stack = self._stacks[self._stack_of[names[0]]]
        if nodes == tuple(names):
            return stack
        return torch.stack([self.node(name) for name in names])
