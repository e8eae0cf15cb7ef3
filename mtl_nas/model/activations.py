"""Outputs of the stages that have run, read by node or stacked, without copies where the plan allows it."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mtl_nas.model.plan import Stage

Features = Mapping[str, Tensor]


class States:
    """What one forward pass has computed so far."""

    def __init__(self, features: Features) -> None:
        self.features = features
        self._stacks: list[tuple[tuple[str, ...], Tensor]] = []
        self._nodes: dict[str, Tensor] = {}
        self._homes: dict[str, int] = {}

    def add(self, stage: Stage, output: Tensor) -> None:
        """Keep a stage's output, (N, B, H)."""
        for name in stage.nodes:
            self._homes[name] = len(self._stacks)
        self._stacks.append((stage.nodes, output))

    def node(self, name: str) -> Tensor:
        """One node's output, (B, H)."""
        if name not in self._nodes:
            nodes, stack = self._stacks[self._homes[name]]
            # unbind: its gradient is one stack; that of squeeze is no copy
            each = stack.unbind(0) if len(nodes) > 1 else (stack.squeeze(0),)
            self._nodes.update(zip(nodes, each, strict=True))
        return self._nodes[name]

    def stack(self, names: Sequence[str]) -> Tensor:
        """Outputs of several nodes, (N, B, H); a stage read as a whole is not copied."""
        nodes, stack = self._stacks[self._homes[names[0]]]
        if nodes == tuple(names):
            return stack
        return torch.stack([self.node(name) for name in names])
