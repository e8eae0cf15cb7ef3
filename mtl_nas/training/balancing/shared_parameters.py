"""Which trained numbers several tasks reach, as the graph says; a stack of nodes may hold private ones beside them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

Reaching = Sequence[tuple[nn.Parameter, tuple[frozenset[str], ...]]]  # tasks that reach each member of the first axis


@dataclass(frozen=True)
class Shared:
    """The members of a parameter (N, ...) that several tasks reach; None: all of them."""

    parameter: nn.Parameter
    members: Tensor | None

    @property
    def size(self) -> int:
        """How many numbers that is."""
        every = self.parameter.numel()
        return every if self.members is None else every // len(self.parameter) * len(self.members)

    def part(self, gradient: Tensor | None) -> Tensor:
        """(N, ...) -> the members' numbers, flat; zeros where there is no gradient."""
        whole = torch.zeros_like(self.parameter) if gradient is None else gradient
        return (whole if self.members is None else whole.index_select(0, self.members)).flatten()

    def set_part(self, gradient: Tensor, part: Tensor) -> None:
        """Write the members' numbers into a gradient (N, ...)."""
        if self.members is None:
            gradient.copy_(part.view_as(gradient))
        else:
            gradient.index_copy_(0, self.members, part.view(-1, *gradient.shape[1:]))


def shared(reaching: Reaching, left_out: Collection[nn.Parameter] = ()) -> tuple[Shared, ...]:
    """Parameters, or their members, that two or more tasks reach; tensors that are left out keep the plain sum."""
    kept = [(parameter, tasks) for parameter, tasks in reaching if not any(parameter is one for one in left_out)]
    return tuple(_found((parameter, [len(names) > 1 for names in tasks]) for parameter, tasks in kept))


def last_shared(reaching: Reaching, tasks: Iterable[str]) -> Shared | None:
    """The last stack of weight matrices, or of what they give to all tasks; None where no number is of all tasks."""
    every = frozenset(tasks)
    matrices = [(parameter, names) for parameter, names in reaching if parameter.ndim > 2]
    found = _found((parameter, [every <= names for names in reached]) for parameter, reached in matrices)
    return found[-1] if found else None


def _found(marked: Iterable[tuple[nn.Parameter, Sequence[bool]]]) -> list[Shared]:
    found = []
    for parameter, marks in marked:
        if all(marks):
            found.append(Shared(parameter, None))
        elif any(marks):
            members = [place for place, mark in enumerate(marks) if mark]
            found.append(Shared(parameter, torch.tensor(members, device=parameter.device)))
    return found
