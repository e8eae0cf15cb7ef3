"""GradNorm: learned weights under which the gradients of all tasks have similar norms (Chen et al., 2018)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtl_nas.training.balancing.shared_parameters import SharedParameter
from mtl_nas.training.balancing.weighting import LEAST_LOSS, Weighting

ALPHA = 1.5  # exponent of a task's relative learning rate, as in the paper
LOWEST_WEIGHT = 1e-3  # a negative weight would unlearn its task


class GradNorm(Weighting):
    """``sum_t w_t l_t``; w learns by ``sum_t |G_t - mean(G) r_t^1.5|`` over the present tasks and keeps the sum T.

    ``G_t = |d(w_t l_t)/dW|`` by the last weights W that all tasks share; ``r_t`` is the task's loss relative to its
    first loss, over the mean of that ratio. Without such weights every task keeps the weight 1.
    """

    first: Tensor

    def __init__(self, tasks: int, last: SharedParameter | None) -> None:
        super().__init__(tasks)
        self.weights = nn.Parameter(torch.ones(tasks))
        self.register_buffer("first", torch.full((tasks,), torch.nan))  # the first loss of each task
        self._last = (last,)  # in a tuple, so that torch does not register the network's parameter here too

    def forward(self, losses: Tensor, present: Tensor) -> Tensor:
        """Each term is the weighted loss of a task plus the loss by which the task's weight is learned."""
        terms = self.weights.detach() * losses
        if self._last[0] is None:
            return terms
        self.first.copy_(torch.where(present & self.first.isnan(), losses.detach(), self.first))
        norms = self.weights * self._norms(losses, self._last[0])
        count = present.sum().clamp(min=1)
        ratios = torch.where(present, losses.detach() / self.first.clamp(min=LEAST_LOSS), 0.0)
        rates = ratios / (ratios.sum() / count).clamp(min=LEAST_LOSS)
        mean = torch.where(present, norms.detach(), 0.0).sum() / count
        return torch.where(present, terms + (norms - mean * rates**ALPHA).abs(), 0.0)

    def after_step(self, recompute: Callable[[], Tensor]) -> None:
        """Scale the weights so that their sum stays T, as another sum would change the learning rate."""
        with torch.no_grad():
            self.weights.clamp_(min=LOWEST_WEIGHT)
            self.weights.mul_(self.tasks / self.weights.sum())

    def _norms(self, losses: Tensor, last: SharedParameter) -> Tensor:
        norms = []
        for loss in losses.unbind():
            (gradient,) = torch.autograd.grad(loss, last.parameter, retain_graph=True, allow_unused=True)
            norms.append(last.part(gradient).norm())
        return torch.stack(norms)
