"""Aggregation of the tasks' gradients by shared weights, in place of their sum.

The aggregators are torchjd's. Gradients are computed task by task, without its vmap, so that recurrent networks work.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mtl_nas.design import Aggregation
from mtl_nas.errors import DesignError
from mtl_nas.training.balancing.shared_parameters import SharedParameter

if TYPE_CHECKING:
    from torchjd.aggregation import Aggregator

NEEDED: Mapping[str, tuple[str, ...]] = {  # packages that an aggregator needs beside torchjd
    "cagrad": ("cvxpy", "clarabel"),
    "nash_mtl": ("cvxpy", "ecos"),
    "fairgrad": ("scipy",),
    "dualproj": ("qpsolvers", "quadprog"),
    "upgrad": ("qpsolvers", "quadprog"),
}
# aggregators with a state of all tasks, in their order: a step in which a task is absent takes the plain sum
STATEFUL = ("gradvac", "nash_mtl")


def refuse_missing(name: Aggregation) -> None:
    """Raise DesignError if a package is missing that the aggregation needs."""
    needed = () if name == "none" else ("torchjd", *NEEDED.get(name, ()))
    for package in needed:
        if find_spec(package) is None:
            raise DesignError(f"losses.aggregation: {name} needs {package}: pip install 'mtl_nas[gradients]'")


def aggregator(name: Aggregation, tasks: int) -> "Aggregator":
    """Return the aggregator (T, P) -> (P,) with the options of its paper; DesignError if a package is missing."""
    refuse_missing(name)
    from torchjd import aggregation

    factories: Mapping[str, Callable[[], Aggregator]] = {
        "pcgrad": aggregation.PCGrad,
        "gradvac": aggregation.GradVac,
        "cagrad": partial(aggregation.CAGrad, c=0.5),
        "mgda": aggregation.MGDA,
        "imtl_g": aggregation.IMTLG,
        "nash_mtl": partial(aggregation.NashMTL, n_tasks=tasks),
        "aligned_mtl": aggregation.AlignedMTL,
        "fairgrad": partial(aggregation.FairGrad, alpha=1.0),
        "config": aggregation.ConFIG,
        "dualproj": aggregation.DualProj,
        "upgrad": aggregation.UPGrad,
        "graddrop": aggregation.GradDrop,
    }
    return factories[name]()


class GradientAggregation:
    """Terms (T,) of the tasks, and penalties that belong to none -> the gradient of every parameter.

    Shared weights get the aggregate of the tasks' gradients, all others the gradient of the sum. Tasks that are absent,
    or whose gradient by shared weights is zero, are left out, because a zero row would shrink or stop the step.
    """

    def __init__(self, name: Aggregation, tasks: int, shared: Sequence[SharedParameter]) -> None:
        self.name, self.tasks, self.shared = name, tasks, tuple(shared)
        self.aggregator = aggregator(name, tasks)
        # torchjd has no way to save the state of an aggregator, and names it privately
        self._weighting: Any = getattr(
            self.aggregator, "gramian_weighting", getattr(self.aggregator, "weighting", None)
        )

    def fill(self, terms: Tensor, present: Tensor, penalties: Sequence[Tensor] = ()) -> None:
        """Set the ``grad`` of every parameter; it must be None before."""
        indices = present.nonzero().flatten().tolist()
        rows = [self._row(terms[index]) for index in indices] if len(indices) > 1 and self.shared else []
        torch.autograd.backward(terms.sum(), retain_graph=bool(penalties))
        if rows:
            self._replace_sums(torch.stack(rows))
        if penalties:
            torch.autograd.backward(sum(penalties[1:], penalties[0]))

    @property
    def carried(self) -> Tensor | None:
        """The state that the aggregator carries from step to step; None if it has none."""
        if self.name == "gradvac":
            targets: Tensor | None = self._weighting._phi_t
            return targets
        return torch.from_numpy(self._weighting.prvs_alpha) if self.name == "nash_mtl" else None

    @carried.setter
    def carried(self, carried: Tensor | None) -> None:
        if carried is None:
            return
        carried = carried.cpu()  # as in torchjd
        if self.name == "gradvac":
            self._weighting._phi_t, self._weighting._state_key = carried, (len(carried), carried.dtype)
        if self.name == "nash_mtl":
            self._weighting.prvs_alpha = carried.numpy()

    def _row(self, term: Tensor) -> Tensor:
        """Return the gradient (P,) of one task by all shared parameters."""
        parameters = [shared.parameter for shared in self.shared]
        gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
        return torch.cat([shared.part(gradient) for shared, gradient in zip(self.shared, gradients, strict=True)])

    def _replace_sums(self, rows: Tensor) -> None:
        """Replace the sum of gradients in shared members by the aggregate, if there are two or more finite rows."""
        rows = rows[rows.any(dim=1)]
        complete = self.name not in STATEFUL or len(rows) == self.tasks
        if len(rows) < 2 or not complete or not rows.isfinite().all():
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the solver of Nash-MTL reports each step that is inexact
            aggregate, start = self.aggregator(rows), 0
        for shared in self.shared:
            end = start + shared.size
            if shared.parameter.grad is not None:
                shared.set_part(shared.parameter.grad, aggregate[start:end])
            start = end
