"""Weights of task losses in a step: static, learned, or computed from earlier losses.

torchjd's scalarizers are not used: they do not support absent tasks (those without a valid row in a batch), and their
state is not in buffers, so that a checkpoint would miss it.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

LEAST_LOSS = 1e-8  # lower bound of losses in logarithms and divisors


class Weighting(nn.Module):
    """Losses (T,), present (T,) -> terms (T,), whose sum is minimised; static weights leave losses as they are.

    The term of an absent task is 0 with zero gradient, and the state of the task stays as it was. All state is in
    parameters or buffers, so that a checkpoint holds it.
    """

    def __init__(self, tasks: int) -> None:
        super().__init__()
        self.tasks = tasks

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        return losses

    def after_step(self, recompute: Callable[[], Tensor]) -> None:
        """Learn from a step; ``recompute`` returns the losses of the same batch at the new weights."""

    def epoch_ended(self) -> None:
        """Update the state after an epoch."""


class Uncertainty(Weighting):
    """``l / (2 e^s) + s / 2`` with learned log variances s (Kendall et al., 2018)."""

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.log_variances = nn.Parameter(torch.zeros(tasks))

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        return torch.where(present, losses / (2 * self.log_variances.exp()) + self.log_variances / 2, 0.0)


class GeometricMean(Weighting):
    """``(prod l)^(1/T)`` over the T present tasks (Chennupati et al., 2019)."""

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Each term is an equal part of the mean, with the gradient by the task's own loss."""
        logs = torch.where(present, losses, 1.0).clamp(min=LEAST_LOSS).log()
        count = present.sum().clamp(min=1)
        part = (logs.detach().sum() / count).exp() / count
        return torch.where(present, part * (1.0 + logs - logs.detach()), 0.0)


class RandomWeights(Weighting):
    """``softmax(N(0, 1))`` over the present tasks, drawn at every step (Lin et al., 2022)."""

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        drawn = torch.randn(self.tasks).to(losses)  # from torch's global generator, whose state a checkpoint holds
        return present_softmax(drawn, present) * losses


class DynamicAverage(Weighting):
    """``T softmax(r / 2)``, r: ratio of a task's mean losses in the last two epochs, 1 before (Liu et al., 2019)."""

    sums: Tensor
    counts: Tensor
    newer: Tensor
    older: Tensor

    def __init__(self, tasks: int) -> None:
        super().__init__(tasks)
        self.register_buffer("sums", torch.zeros(tasks))  # sums of losses in this epoch
        self.register_buffer("counts", torch.zeros(tasks))  # steps in which the task was present
        self.register_buffer("newer", torch.full((tasks,), torch.nan))  # means of the last epoch that had the task
        self.register_buffer("older", torch.full((tasks,), torch.nan))  # means of the epoch before that

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        self.sums += torch.where(present, losses.detach(), 0.0)
        self.counts += present
        ratios = torch.where(self.older.isnan(), 1.0, self.newer / self.older.clamp(min=LEAST_LOSS))
        return present.sum() * present_softmax(ratios / 2.0, present) * losses

    def epoch_ended(self) -> None:
        seen = self.counts > 0
        self.older.copy_(torch.where(seen, self.newer, self.older))
        self.newer.copy_(torch.where(seen, self.sums / self.counts, self.newer))
        self.sums.zero_()
        self.counts.zero_()


def present_softmax(logits: Tensor, present: Tensor) -> Tensor:
    """(T,), (T,) -> (T,): the softmax over present tasks, 0 for absent ones (all zeros if every task is absent)."""
    shares = torch.softmax(torch.where(present, logits, -torch.inf), dim=0)
    return torch.where(present, shares, 0.0)
