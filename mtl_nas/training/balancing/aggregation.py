"""Where tasks' gradients by shared weights become one direction instead of a sum.

The aggregators are torchjd's. Rows are taken one task after another, without its vmap, so that recurrent networks work.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from mtl_nas.design.losses import Aggregation
from mtl_nas.errors import DesignError
from mtl_nas.training.balancing.shared_parameters import Shared

if TYPE_CHECKING:
    from torchjd.aggregation import Aggregator

NEEDED: Mapping[str, tuple[str, ...]] = {  # packages beside torchjd itself
    "cagrad": ("cvxpy", "clarabel"),
    "nash_mtl": ("cvxpy", "ecos"),
    "fairgrad": ("scipy",),
    "dualproj": ("qpsolvers", "quadprog"),
    "upgrad": ("qpsolvers", "quadprog"),
}
REMEMBERING = ("gradvac", "nash_mtl")  # of all tasks, in their order: a step without one of them takes the plain sum


def refuse_missing(name: Aggregation) -> None:
    """A DesignError where a package is missing that the aggregation needs."""
    needed = () if name == "none" else ("torchjd", *NEEDED.get(name, ()))
    for package in needed:
        if find_spec(package) is None:
            raise DesignError(f"losses.aggregation: {name} needs {package}: pip install 'mtl_nas[gradients]'")


def aggregator(name: Aggregation, tasks: int) -> "Aggregator":
    """(T, P) -> (P,), at the options of its paper; a DesignError where a package is missing."""
    refuse_missing(name)
    from torchjd import aggregation

    made: Mapping[str, Callable[[], Aggregator]] = {
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
    return made[name]()


class Direction:
    """Terms (T,) of which tasks, and what belongs to none -> the gradient of every parameter.

    Shared weights get what the aggregator makes of the tasks' gradients, all others the gradient of the sum. Tasks that
    are absent, or whose gradient by shared weights is zero, are left out: a zero row freezes or halves the step.
    """

    def __init__(self, name: Aggregation, tasks: int, shared: Sequence[Shared]) -> None:
        self.name, self.tasks, self.shared = name, tasks, tuple(shared)
        self.aggregator = aggregator(name, tasks)
        # torchjd saves no state of its own, and names it privately
        self._weighting: Any = getattr(
            self.aggregator, "gramian_weighting", getattr(self.aggregator, "weighting", None)
        )

    def fill(self, terms: Tensor, present: Tensor, rest: Sequence[Tensor] = ()) -> None:
        """Give every parameter its gradient; ``grad`` is empty before."""
        places = present.nonzero().flatten().tolist()
        rows = [self._row(terms[place]) for place in places] if len(places) > 1 and self.shared else []
        torch.autograd.backward(terms.sum(), retain_graph=bool(rest))
        if rows:
            self._give(torch.stack(rows))
        if rest:
            torch.autograd.backward(sum(rest[1:], rest[0]))

    @property
    def memory(self) -> Tensor | None:
        """What the aggregator carries from step to step; None where that is nothing."""
        if self.name == "gradvac":
            targets: Tensor | None = self._weighting._phi_t
            return targets
        return torch.from_numpy(self._weighting.prvs_alpha) if self.name == "nash_mtl" else None

    @memory.setter
    def memory(self, memory: Tensor | None) -> None:
        memory = None if memory is None else memory.cpu()  # where TorchJD keeps it
        if self.name == "gradvac" and memory is not None:
            self._weighting._phi_t, self._weighting._state_key = memory, (len(memory), memory.dtype)
        if self.name == "nash_mtl" and memory is not None:
            self._weighting.prvs_alpha = memory.numpy()

    def _row(self, term: Tensor) -> Tensor:
        """The gradient of one task by all that is shared, (P,); tables and private weights cost nothing here."""
        inputs = [one.parameter for one in self.shared]
        found = torch.autograd.grad(term, inputs, retain_graph=True, allow_unused=True)
        return torch.cat([one.part(gradient) for one, gradient in zip(self.shared, found, strict=True)])

    def _give(self, rows: Tensor) -> None:
        """Replace the sum in shared members; a direction of fewer than two rows, or of endless ones, is their sum."""
        rows = rows[rows.any(dim=1)]
        whole = self.name not in REMEMBERING or len(rows) == self.tasks
        if len(rows) < 2 or not whole or not rows.isfinite().all():
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the solver of Nash-MTL reports each step that is inexact
            direction, start = self.aggregator(rows), 0
        for one in self.shared:
            end = start + one.size
            if one.parameter.grad is not None:
                one.set_part(one.parameter.grad, direction[start:end])
            start = end
