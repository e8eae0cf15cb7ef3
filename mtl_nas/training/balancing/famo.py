"""FAMO: all losses fall at about one rate, without a gradient a task (Liu et al., 2023)."""

from collections.abc import Callable

import torch
from torch import Tensor

from mtl_nas.training.balancing.weighting import EPSILON, Weighting, present_softmax

RATE, DECAY = 0.025, 1e-3  # of the logits (the paper's)
MOMENTS = 0.9, 0.999  # Adam's


class Famo(Weighting):
    """``c sum_t z_t log l_t`` with ``z = softmax(x)`` and ``c = 1 / sum_t (z_t / l_t)``, over the present tasks.

    After each step Adam moves the logits x against how much each log loss fell on the same batch.
    """

    logits: Tensor
    mean: Tensor
    square: Tensor
    steps: Tensor

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.register_buffer("logits", torch.zeros(tasks))
        self.register_buffer("mean", torch.zeros(tasks))
        self.register_buffer("square", torch.zeros(tasks))
        self.register_buffer("steps", torch.zeros(tasks))  # in which the task was present
        self._before: tuple[Tensor, Tensor] | None = None  # log losses and presence in the step that is under way

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """(T,), (T,) -> (T,)."""
        logs = _logs(losses, present)
        self._before = logs.detach(), present
        shares = present_softmax(self.logits, present)
        scale = 1.0 / (shares * (-logs.detach()).exp()).sum().clamp(min=EPSILON)
        return scale * shares * logs

    def after_step(self, again: Callable[[], Tensor]) -> None:
        """One step of Adam on the logits of the present tasks."""
        assert self._before is not None
        (before, present), self._before = self._before, None
        fall = before - _logs(again().detach(), present)
        shares = present_softmax(self.logits, present)
        slope = shares * (fall - (shares * fall).sum()) + DECAY * self.logits
        first, second = MOMENTS
        steps, mean = self.steps + 1, torch.lerp(slope, self.mean, first)
        square = torch.lerp(slope**2, self.square, second)
        size = (square / (1 - second**steps)).sqrt() + EPSILON
        logits = self.logits - RATE * mean / (1 - first**steps) / size
        moved = {"logits": logits, "mean": mean, "square": square, "steps": steps}
        for name, value in moved.items():
            buffer = self.get_buffer(name)
            buffer.copy_(torch.where(present, value, buffer))


def _logs(losses: Tensor, present: Tensor) -> Tensor:
    return torch.where(present, losses, 1.0).add(EPSILON).log()
