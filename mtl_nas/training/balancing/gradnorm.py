"""GradNorm: learned weights under which all tasks' gradients have like norms (Chen et al., 2018)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtl_nas.training.balancing.shared_parameters import Shared
from mtl_nas.training.balancing.weighting import EPSILON, Weighting

ALPHA = 1.5  # how strongly a task that learns slowly is helped (the paper's)
LOWEST = 1e-3  # of a weight; a negative one would unlearn its task


class GradNorm(Weighting):
    """``sum_t w_t l_t``; w learns by ``sum_t |G_t - mean(G) r_t^1.5|`` over the present tasks and keeps the sum T.

    ``G_t = |d(w_t l_t)/dW|`` by the last weights W that all tasks share; r_t: the task's loss relative to its first
    one, over the mean of that ratio. Without such weights every task keeps the weight 1.
    """

    first: Tensor

    def __init__(self, tasks: int, last: Shared | None) -> None:
        super().__init__(tasks)
        self.weights = nn.Parameter(torch.ones(tasks))
        self.register_buffer("first", torch.full((tasks,), torch.nan))  # the first loss of each task
        self._last = (last,)  # in a tuple, as the network owns the parameter

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """(T,), (T,) -> (T,); what the weights learn by is part of a task's term."""
        terms = self.weights.detach() * losses
        if self._last[0] is None:
            return terms
        self.first.copy_(torch.where(present & self.first.isnan(), losses.detach(), self.first))
        slopes = self._norms(losses, self._last[0])
        norms = self.weights * slopes
        count = present.sum().clamp(min=1)
        ratios = torch.where(present, losses.detach() / self.first.clamp(min=EPSILON), 0.0)
        rates = ratios / (ratios.sum() / count).clamp(min=EPSILON)
        mean = torch.where(present, norms.detach(), 0.0).sum() / count
        return torch.where(present, terms + (norms - mean * rates**ALPHA).abs(), 0.0)

    def after_step(self, again: Callable[[], Tensor]) -> None:
        """The sum stays T, so that the learning rate stays what it is."""
        with torch.no_grad():
            self.weights.clamp_(min=LOWEST)
            self.weights.mul_(self.tasks / self.weights.sum())

    def _norms(self, losses: Tensor, last: Shared) -> Tensor:
        found = []
        for loss in losses.unbind():
            (gradient,) = torch.autograd.grad(loss, last.parameter, retain_graph=True, allow_unused=True)
            found.append(last.part(gradient).norm())
        return torch.stack(found)
