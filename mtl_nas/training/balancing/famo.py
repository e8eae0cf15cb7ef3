"""FAMO: all losses fall at about the same rate, without a gradient per task (Liu et al., 2023)."""

from collections.abc import Callable

import torch
from torch import Tensor

from mtl_nas.training.adamw import BETAS, EPSILON
from mtl_nas.training.balancing.weighting import LEAST_LOSS, Weighting, present_softmax

RATE, DECAY = 0.025, 1e-3  # learning rate and weight decay of the logits, as in the paper


class Famo(Weighting):
    """``c sum_t z_t log l_t`` with ``z = softmax(x)`` and ``c = 1 / sum_t (z_t / l_t)``, over the present tasks.

    After each step, Adam updates the logits x from the decrease of each log loss on the same batch.
    """

    logits: Tensor
    exp_avg: Tensor
    exp_avg_sq: Tensor
    steps: Tensor

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.register_buffer("logits", torch.zeros(tasks))
        self.register_buffer("exp_avg", torch.zeros(tasks))
        self.register_buffer("exp_avg_sq", torch.zeros(tasks))
        self.register_buffer("steps", torch.zeros(tasks))  # steps in which the task was present
        self._before: tuple[Tensor, Tensor] | None = None  # log losses of the current step, and which tasks are present

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        logs = _logs(losses, present)
        self._before = logs.detach(), present
        shares = present_softmax(self.logits, present)
        scale = 1.0 / (shares * (-logs.detach()).exp()).sum().clamp(min=LEAST_LOSS)
        return scale * shares * logs

    def after_step(self, recompute: Callable[[], Tensor]) -> None:
        """Take one step of Adam on the logits of the present tasks."""
        assert self._before is not None
        (before, present), self._before = self._before, None
        fall = before - _logs(recompute().detach(), present)
        shares = present_softmax(self.logits, present)
        gradient = shares * (fall - (shares * fall).sum()) + DECAY * self.logits
        first, second = BETAS
        steps, exp_avg = self.steps + 1, torch.lerp(gradient, self.exp_avg, first)
        exp_avg_sq = torch.lerp(gradient**2, self.exp_avg_sq, second)
        size = (exp_avg_sq / (1 - second**steps)).sqrt() + EPSILON
        logits = self.logits - RATE * exp_avg / (1 - first**steps) / size
        state = {"logits": logits, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq, "steps": steps}
        for name, value in state.items():
            buffer = self.get_buffer(name)
            buffer.copy_(torch.where(present, value, buffer))


def _logs(losses: Tensor, present: Tensor) -> Tensor:
    return torch.where(present, losses, 1.0).add(LEAST_LOSS).log()
